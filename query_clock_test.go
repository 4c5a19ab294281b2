//go:build go1.25

package capi_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

// A server without free connections is asked until it, or the pool, has one.
func TestSiteWaitsForConnection(t *testing.T) {
	for name, full := range map[string]error{
		"PostgreSQL":    sqlState("53300"),
		"MySQL":         errors.New("Error 1040 (08004): Too many connections"),
		"MySQL account": errors.New("Error 1226 (42000): User 'x' has exceeded the 'max_user_connections' resource"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				db := newFakeDB(one(), one(), one())
				store := capi.NewSQLStore(db.site(t))
				read := func(ctx context.Context) error {
					_, err := capi.Collect(store.Sessions(ctx))
					return err
				}
				second := make(chan error, 1)
				for _, err := range store.Sessions(t.Context()) {
					require.NoError(t, err)
					db.refuses = func() error { return full }
					go func() { second <- read(t.Context()) }()
					time.Sleep(time.Second) // The first list takes as long.
				}
				require.NoError(t, <-second, "it has the connection of the first list")

				for range store.Sessions(t.Context()) {
					begun := time.Now()
					err := read(t.Context())
					require.ErrorIs(t, err, capi.ErrUnavailable)
					require.ErrorIs(t, err, full)
					assert.InDelta(t, 2, time.Since(begun).Seconds(), 0.2)

					ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
					defer cancel()
					require.NotErrorIs(t, read(ctx), capi.ErrUnavailable)
					require.Error(t, ctx.Err())

					begun = time.Now()
					db.then(one())
					db.refuses = func() error {
						if time.Since(begun) < time.Second {
							return full
						}
						return nil
					}
					require.NoError(t, read(t.Context()), "another client has closed its connection")
				}
			})
		})
	}
}
