package redisdata_test

import (
	"database/sql"
	"log"
	"net/http"

	"github.com/redis/go-redis/v9"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/redisdata"
)

// The list of a site whose configuration.php names the Redis server.
func ExampleOpen() {
	var db *sql.DB // the site's database
	config, err := capi.LoadSiteConfig("/var/www/site/configuration.php")
	if err != nil {
		log.Fatal(err)
	}
	data, err := redisdata.Open(config)
	if err != nil {
		log.Fatal(err)
	}
	defer data.Close()
	site, err := capi.SiteOptions{SessionData: data}.NewSite(db, config)
	if err != nil {
		log.Fatal(err)
	}
	auth, err := capi.NewSessionAuthorizer(site)
	if err != nil {
		log.Fatal(err)
	}
	var store capi.Store = capi.NewSQLStore(site)
	if config.SessionMetadataOff {
		store = redisdata.NewStore(data)
	}
	http.Handle("/api/v1/user/sessions", capi.NewHandler(store, auth))
}

// For Sentinel, a Cluster and anything else that configuration.php cannot
// express, create the client yourself.
func ExampleNew() {
	client := redis.NewUniversalClient(&redis.UniversalOptions{
		MasterName: "site", Addrs: []string{"10.0.0.1:26379", "10.0.0.2:26379", "10.0.0.3:26379"},
	})
	defer client.Close()
	data := redisdata.New(client)
	_ = capi.SiteOptions{SessionData: data}
}
