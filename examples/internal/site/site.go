// Package site makes small Joomla sites for the examples: the tables that the
// library reads, with rows of the form that Joomla gives them, and the
// credentials of some of their users.
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

// Lifetime is how long the sessions of a site made by Open live: long enough
// that nobody who tries an example finds that they have expired meanwhile.
const Lifetime = 24 * time.Hour

// A Site is a Joomla site in a SQLite database.
type Site struct {
	// DB is its database, open until Close.
	DB *sql.DB
	// Config is what its configuration.php would say.
	Config capi.SiteConfig
	// Admin is a Super Admin, with a session of the administrator application.
	Admin User
	// Registered is a user who is logged in on the site but is no Super Admin.
	Registered User
	// Denied is a user of whom the site accepts API tokens, but whose group is
	// denied core.admin.
	Denied User

	// temporary is the directory to remove with Close, if any.
	temporary string
}

// A User is somebody who can ask the site something.
type User struct {
	// Username is the name that the user logs in with.
	Username string
	// Cookie is the cookie of a session that is alive.
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

// Open makes a site in dir, with the sessions of a few users and guests, of
// which the newest are some seconds old. To those it adds as many generated
// ones as extra says, spread over the last two hours.
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

// Close closes the database. Its file is the caller's to remove, unless
// OpenTemporary made the site.
func (s *Site) Close() error {
	err := s.DB.Close()
	if s.temporary != "" {
		err = errors.Join(err, os.RemoveAll(s.temporary))
	}
	return err
}

// openSQLite opens the file at path. The journal lets the list be read while
// somebody logs in.
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
