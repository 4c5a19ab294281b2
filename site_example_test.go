package capi_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/DATA-DOG/go-sqlmock"

	"github.com/capi-go/capi"
)

func ExampleReadSiteConfig() {
	config, err := capi.ReadSiteConfig(strings.NewReader(`<?php
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
}`))
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

func ExampleReadSiteConfig_malformed() {
	_, err := capi.ReadSiteConfig(strings.NewReader("<?php\nclass JConfig {\n\tpublic $secret = getenv('SECRET');\n}"))
	fmt.Println(err)
	// Output:
	// capi: invalid site configuration: line 3: expected a string, a number, a boolean or null for $secret
}

// An address is what drivers need for their DSN, whatever the form of $host.
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

func ExampleNewSessionAuthorizer() {
	db, mock, err := sqlmock.New() // In a service, sql.Open with a driver.
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	now := time.Unix(1_795_489_076, 0)
	site, err := capi.SiteOptions{Now: func() time.Time { return now }}.NewSite(db, capi.SiteConfig{
		DBType: "mysqli", DBPrefix: "j5_", Secret: capi.NewSecret("RzLnxjfxfS73CDww"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	auth := capi.NewSessionAuthorizer(site)

	r := httptest.NewRequest(http.MethodGet, "/api/v1/user/sessions", nil)
	fmt.Println(auth.Authorize(r))

	// A cookie that Joomla sets, of a user of group 8, whom the rules of the site make a Super Admin.
	r.AddCookie(&http.Cookie{Name: "92ac23bd5fa9e85cb0dae8f17631ff67", Value: "7j4jicar44gr2899v54snirnah"})
	mock.ExpectQuery("SELECT").WillReturnRows(sqlmock.NewRows(make([]string, 11)).
		AddRow("7j4jicar44gr2899v54snirnah", 0, now.Unix(), 35, "admin", 0, "", 0, 8, 8, nil).
		AddRow(nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, `{"core.admin":{"8":1}}`))
	mock.ExpectQuery("SELECT").WillReturnRows(sqlmock.NewRows(make([]string, 6)).
		AddRow("7j4jicar44gr2899v54snirnah", 0, now.Unix(), nil, 0, nil))
	fmt.Println(auth.Authorize(r))
	// Output:
	// capi: not authenticated
	// <nil>
}
