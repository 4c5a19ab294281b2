// Package site makes small Joomla sites for the examples: the tables that the
// library reads, with rows as Joomla writes them, and the credentials of some
// users.
package site

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/capi-go/capi"
	_ "modernc.org/sqlite" // The driver "sqlite".
)

// Lifetime is the lifetime of sessions in a site made by Open: long enough that
// they do not expire while somebody tries an example.
const Lifetime = 24 * time.Hour

// A Site is a Joomla site in a SQLite database.
type Site struct {
	// DB is its database, which Close closes.
	DB *sql.DB
	// Config is what its configuration.php would say.
	Config capi.SiteConfig
	// Admin is a Super Admin, with a session of the administrator application.
	Admin User
	// Registered is a user who is logged in on the site but is no Super Admin.
	Registered User
	// Denied is a user whose API tokens the site accepts, but whose group is
	// denied core.admin.
	Denied User

	// temporary is the directory to remove with Close, if any.
	temporary string
}

// A User is a user with credentials for the site.
type User struct {
	// Username is the name that the user logs in with.
	Username string
	// Cookie is the cookie of a live session.
	Cookie http.Cookie
	// APIToken is the user's Joomla API token.
	APIToken string
	// CAPIToken is a token of the cAPI extension, empty if the user has none.
	CAPIToken string
}

// OpenTemporary is Open in a directory of its own, which Close removes.
func OpenTemporary(ctx context.Context, extra int) (*Site, error) {
	dir, err := os.MkdirTemp("", "capi-example-")
	if err != nil {
		return nil, err
	}
	s, err := Open(ctx, dir, extra)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	s.temporary = dir
	return s, nil
}

// Open makes a site in dir, with the sessions of a few users and guests, the
// newest some seconds old, and extra generated sessions, spread over the last
// two hours.
func Open(ctx context.Context, dir string, extra int) (*Site, error) {
	db, err := openSQLite(filepath.Join(dir, "joomla.sqlite"))
	if err != nil {
		return nil, err
	}
	if err := create(ctx, db, extra); err != nil {
		return nil, fmt.Errorf("making the site: %w", errors.Join(err, db.Close()))
	}
	site := &Site{
		DB:         db,
		Config:     capi.SiteConfig{DBType: "sqlite", DBPrefix: prefix, Secret: capi.NewSecret(secret), Lifetime: Lifetime},
		Admin:      admin.user(),
		Registered: registered.user(),
		Denied:     denied.user(),
	}
	site.Admin.CAPIToken = capiToken
	return site, nil
}

// Close closes the database. If Open made the site, removing the file is up to
// the caller.
func (s *Site) Close() error {
	err := s.DB.Close()
	if s.temporary != "" {
		err = errors.Join(err, os.RemoveAll(s.temporary))
	}
	return err
}

// openSQLite opens the file at path. With its journal, the list can be read
// while somebody logs in.
func openSQLite(path string) (*sql.DB, error) {
	name := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: url.Values{
		"_pragma": {"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(OFF)"},
	}.Encode()}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, fmt.Errorf("opening SQLite: %w", err)
	}
	return db, nil
}
