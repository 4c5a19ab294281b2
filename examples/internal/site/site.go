// Package site makes small Joomla sites for the examples: the tables that the library reads, with rows that real Joomla
// sites wrote, and the credentials of some of their users.
package site

import (
	"context"
	"database/sql"
	_ "embed"
	"encoding/json"
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

// Lifetime is how long the sessions of a site made by Open live: long enough that nobody who tries an example finds that
// they have expired meanwhile.
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
	// Denied is a user of whom the site accepts API tokens, but whose group is denied core.admin.
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

//go:embed rows.json
var demo []byte

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

// Open makes a site in dir, with the sessions of a few users and guests, of which the newest are some seconds old. To
// those it adds as many generated ones as extra says, spread over the last two hours.
func Open(ctx context.Context, dir string, extra int) (*Site, error) {
	data, err := Parse(demo)
	if err != nil {
		return nil, err
	}
	data.MoveTo(time.Now())
	data.Tables["session"] = append(data.Tables["session"], generate(extra, time.Now())...)

	db, err := openSQLite(filepath.Join(dir, "joomla.sqlite"))
	if err != nil {
		return nil, err
	}
	config := capi.SiteConfig{DBType: "sqlite", DBPrefix: data.Config.DBPrefix, Secret: capi.NewSecret(data.Config.Secret), Lifetime: Lifetime}
	if err := Create(ctx, db, config.DBType, config.DBPrefix, data.Tables); err != nil {
		return nil, fmt.Errorf("making the site: %w", errors.Join(err, db.Close()))
	}
	return &Site{
		DB:     db,
		Config: config,
		Admin: User{
			Username:  "admin",
			Cookie:    http.Cookie{Name: data.CookieNames.Administrator, Value: "vg2cpnvcc8gvgdcie0n9qvobhu"},
			APIToken:  "c2hhMjU2OjM1Ojc1MWU5NGVmNTFjYTkzOTFhMjVmZTQxMTYyN2RmMTg0MjNlNTIyMzExN2Y1MmY3NDdiMDEyN2IyYjViMzE3NDM=",
			CAPIToken: "capi-token-of-admin",
		},
		Registered: User{
			Username: "registered",
			Cookie:   http.Cookie{Name: data.CookieNames.Site, Value: "iegteeqfptcnegksfjqedtkehj"},
			APIToken: "c2hhMjU2OjEwMTo4OTFjZWY0MmRmYzk5ODRlMTFiN2JmYzc0Y2MwMzE5N2M4MTVhZTZhMGVhNDAzMGExZjk3YmNlOTk4NmQzM2I4",
		},
		Denied: User{
			Username: "opsdenied",
			Cookie:   http.Cookie{Name: data.CookieNames.Site, Value: "u0krvcv04hqacimpdtl88glmlh"},
			APIToken: "c2hhMjU2OjEwNDo4MGJmODRmYzcyNzkzZGU5MDdjODVjZTE0ODFmOGZlYTI2YTdiNGIwODA3OTE5MjkzNmU5NWZhNWM1YWY2MzAw",
		},
	}, nil
}

// Close closes the database. Its file is the caller's to remove, unless OpenTemporary made the site.
func (s *Site) Close() error {
	err := s.DB.Close()
	if s.temporary != "" {
		err = errors.Join(err, os.RemoveAll(s.temporary))
	}
	return err
}

// openSQLite opens the file at path. The journal lets the list be read while somebody logs in.
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

// Data is what is known of a real site.
type Data struct {
	// Now is when its newest session was written, in seconds since 1970.
	Now int64 `json:"now"`
	// Config is what its configuration.php says.
	Config struct {
		DBPrefix string `json:"dbprefix"`
		Secret   string `json:"secret"`
	} `json:"config"`
	// CookieNames are the names of the session cookies of its two applications.
	CookieNames struct {
		Site          string `json:"site"`
		Administrator string `json:"administrator"`
	} `json:"cookie_names"`
	// Tables are its rows.
	Tables Tables `json:"tables"`
	// SessionCases are the cookies of its users, and what Joomla answered to each.
	SessionCases []struct {
		Username string `json:"username"`
		Cookie   struct {
			Name  string `json:"name"`
			Value string `json:"value"`
		} `json:"cookie"`
		Status int `json:"joomla_status"`
	} `json:"session_cases"`
	// APITokenCases are requests with API tokens, and what Joomla's web services answered to each.
	APITokenCases []struct {
		Name    string            `json:"name"`
		Headers map[string]string `json:"headers"`
		Status  int               `json:"joomla_api_status"`
	} `json:"api_token_cases"`
}

// Parse reads Data from JSON.
func Parse(text []byte) (*Data, error) {
	var data Data
	if err := json.Unmarshal(text, &data); err != nil {
		return nil, fmt.Errorf("reading the rows of the site: %w", err)
	}
	return &data, nil
}
