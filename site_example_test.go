package capi_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	"github.com/DATA-DOG/go-sqlmock"

	"github.com/capi-go/capi"
)

func ExampleLoadSiteConfig() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "configuration.php")
	err = os.WriteFile(path, []byte(`<?php
class JConfig {
	public $dbtype = 'mysqli';
	public $host = 'localhost:3307';
	public $user = 'joomla';
	public $password = 'it\'s secret';
	public $db = 'site';
	public $dbprefix = 'j5_';
	public $secret = 'RzLnxjfxfS73CDww';
	public $lifetime = 15;
	public $caching = 0;
}`), 0o600)
	if err != nil {
		fmt.Println(err)
		return
	}
	config, err := capi.LoadSiteConfig(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(config.DBType, config.DBPrefix, config.Lifetime)
	fmt.Println(config.Password, config.Password.Reveal())
	// Output:
	// mysqli j5_ 15m0s
	// [hidden] it's secret
}

// The address is what drivers need in a DSN, whatever the form of $host.
func ExampleSiteConfig_Address() {
	for _, config := range []capi.SiteConfig{
		{DBType: "mysqli", Host: "localhost"},
		{DBType: "mysqli", Host: "p:db.example.org:3307"},
		{DBType: "mysqli", Host: "localhost:/run/mysqld/mysqld.sock"},
		{DBType: "pgsql", Host: "[2001:db8::1]"},
	} {
		network, address, err := config.Address()
		fmt.Println(network, address, err)
	}
	// Output:
	// tcp localhost:3306 <nil>
	// tcp db.example.org:3307 <nil>
	// unix /run/mysqld/mysqld.sock <nil>
	// tcp [2001:db8::1]:5432 <nil>
}

// openDatabase opens the database of a site.
func openDatabase(capi.SiteConfig) (*sql.DB, error) {
	db, mock, err := sqlmock.New() // In a service, sql.Open with a driver and the configuration.
	if err != nil {
		return nil, err
	}
	mock.ExpectClose()
	return db, nil
}

// newMux returns the routes of a service for one configuration of its site.
func newMux(db *sql.DB, config capi.SiteConfig) (*http.ServeMux, error) {
	site, err := capi.NewSite(db, config)
	if err != nil {
		return nil, err
	}
	tokens := capi.NewAPITokenAuthorizer(site)
	mux := http.NewServeMux()
	mux.Handle("/api/v1/user/sessions", capi.NewHandler(capi.NewSQLStore(site), tokens))
	mux.HandleFunc("/me", func(w http.ResponseWriter, r *http.Request) {
		user, err := tokens.User(r)
		if err != nil {
			http.Error(w, "Please log in.", http.StatusUnauthorized)
			return
		}
		fmt.Fprintf(w, "Hello, %s!", user.Username)
	})
	return mux, nil
}

// A service follows the configuration of its site: for a new one, it opens the
// database and makes the routes again.
func ExampleNewSiteHandler() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "configuration.php")

	handler := capi.NewSiteHandler(
		func() (capi.SiteConfig, error) { return capi.LoadSiteConfig(path) },
		func(config capi.SiteConfig) (http.Handler, func() error, error) {
			db, err := openDatabase(config)
			if err != nil {
				return nil, nil, err
			}
			mux, err := newMux(db, config) // The session list, and the service's own routes.
			if err != nil {
				return nil, nil, errors.Join(err, db.Close())
			}
			return mux, db.Close, nil
		})
	defer handler.Shutdown(context.Background()) // After the server was shut down.

	for _, text := range []string{
		"<?php class JConfig { public $dbtype = 'mysqli'; public $dbprefix = 'j5_'; public $secret = 'RzLnxjfxfS73CDww'; }",
		"<?php class JConfig { public $dbtype = 'mysq", // It is being written.
		"<?php class JConfig { public $dbtype = 'mysqli'; public $dbprefix = 'j5_'; public $secret = 'bnKPVyW8EyTqnvRr'; }",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			fmt.Println(err)
			return
		}
		_ = handler.Check(context.Background()) // Takes effect at once, not within 200 ms.
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/me", nil))
		fmt.Println(w.Code, strings.TrimSpace(w.Body.String()))
	}
	// Output:
	// 401 Please log in.
	// 503 {"msg":"Service unavailable.","error":true,"status":503}
	// 401 Please log in.
}

func ExampleNewSessionAuthorizer() {
	db, _, err := sqlmock.New() // In a service, sql.Open with a driver.
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	site, err := capi.NewSite(db, capi.SiteConfig{DBType: "mysqli", DBPrefix: "j5_", Secret: capi.NewSecret("RzLnxjfxfS73CDww")})
	if err != nil {
		fmt.Println(err)
		return
	}
	auth, err := capi.NewSessionAuthorizer(site)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(auth.CookieNames()[:2])

	// A request without a cookie of the site takes no query.
	fmt.Println(auth.Authorize(httptest.NewRequest(http.MethodGet, "/api/v1/user/sessions", nil)))
	// Output:
	// [92ac23bd5fa9e85cb0dae8f17631ff67 c71c3c61a5104ba0a8aaef33d964525a]
	// capi: not authenticated: no session cookie of this site
}

// A service can use the site's logins for its own routes, not only for Super
// Admins.
func ExampleSessionAuthorizer_User() {
	db, _, err := sqlmock.New() // In a service, sql.Open with a driver.
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	site, err := capi.NewSite(db, capi.SiteConfig{DBType: "mysqli", DBPrefix: "j5_", Secret: capi.NewSecret("RzLnxjfxfS73CDww")})
	if err != nil {
		fmt.Println(err)
		return
	}
	auth, err := capi.NewSessionAuthorizer(site)
	if err != nil {
		fmt.Println(err)
		return
	}
	greeting := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, err := auth.User(r)
		switch {
		case errors.Is(err, capi.ErrUnauthenticated):
			http.Error(w, "Please log in.", http.StatusUnauthorized)
		case errors.Is(err, capi.ErrForbidden):
			http.Error(w, "Your account is locked.", http.StatusForbidden)
		case err != nil:
			http.Error(w, "Try again later.", http.StatusInternalServerError)
		default:
			fmt.Fprintf(w, "Hello, %s!", user.Username)
		}
	})
	w := httptest.NewRecorder()
	greeting.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/greeting", nil))
	fmt.Print(w.Code, " ", w.Body)
	// Output: 401 Please log in.
}

// A busy site reads its lists from a replica, but the primary decides who gets
// in: a replica lags, and still has sessions that ended a moment ago.
func ExampleNewSQLStore_replica() {
	primary, atPrimary, err := sqlmock.New() // In a service, sql.Open with a driver.
	if err != nil {
		fmt.Println(err)
		return
	}
	defer primary.Close()
	replica, atReplica, err := sqlmock.New()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer replica.Close()
	atPrimary.ExpectQuery("j5_services_tokens").WillReturnRows(sqlmock.NewRows(nil)) // Nobody has the token.
	atReplica.ExpectQuery("j5_session").WillReturnRows(sqlmock.NewRows(
		[]string{"session_id", "client_id", "guest", "time", "data", "userid", "username"}).
		AddRow("vg2cpnvcc8gvgdcie0n9qvobhu", 0, 0, 1445780780, nil, 42, "admin"))

	config := capi.SiteConfig{DBType: "mysqli", DBPrefix: "j5_", Secret: capi.NewSecret("RzLnxjfxfS73CDww")}
	guarding, err := capi.NewSite(primary, config)
	if err != nil {
		fmt.Println(err)
		return
	}
	listing, err := capi.NewSite(replica, config)
	if err != nil {
		fmt.Println(err)
		return
	}
	store := capi.NewSQLStore(listing)
	handler := capi.NewHandler(store, capi.NewCAPITokenAuthorizer(guarding))

	r := httptest.NewRequest(http.MethodGet, "/api/v1/user/sessions", nil)
	r.Header.Set("token", "0123456789abcdef")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	fmt.Println(w.Code)

	for session, err := range store.Sessions(r.Context()) {
		fmt.Println(session.Username, err)
	}
	// Output:
	// 401
	// admin <nil>
}
