package main

import (
	"database/sql"
	"net/http"
	"testing"

	"github.com/capi-go/capi"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
)

// BenchmarkQueryExecMode sends the guard's query in each of pgx's modes. Only the
// last three work behind a pooler in transaction mode.
func BenchmarkQueryExecMode(b *testing.B) {
	site := newTestSite(b, "pgsql", "")
	var cookie http.Header
	for _, session := range site.Sessions {
		if session.Want() == http.StatusOK {
			cookie = http.Header{"Cookie": {session.Cookie.Name + "=" + session.Cookie.Value}}
		}
	}
	config := capi.SiteConfig{DBType: "pgsql", Host: site.properties["host"].(string), User: site.properties["user"].(string),
		Password: capi.NewSecret(site.properties["password"].(string)), DB: site.properties["db"].(string)}
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe,
		pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol} {
		b.Run("mode="+mode.String(), func(b *testing.B) {
			settings, err := postgresqlConfig(config, "")
			require.NoError(b, err)
			settings.DefaultQueryExecMode = mode
			db := sql.OpenDB(stdlib.GetConnector(*settings))
			defer db.Close()
			opened, err := capi.NewSite(db, capi.SiteConfig{DBType: "pgsql", DBPrefix: site.Prefix, Secret: capi.NewSecret(site.Config.Secret),
				Lifetime: longLifetime})
			require.NoError(b, err)
			auth, err := capi.NewSessionAuthorizer(opened)
			require.NoError(b, err)
			require.Equal(b, http.StatusOK, statusOf(b, auth, cookie))
			for b.Loop() {
				statusOf(b, auth, cookie)
			}
		})
	}
}
