package integration_test

import (
	"context"
	"iter"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

// untouched is a Store that fails the test when it is read.
func untouched(t testing.TB) capi.Store {
	return capi.StoreFunc(func(ctx context.Context) iter.Seq2[capi.Session, error] {
		t.Error("the list is read")
		return capi.Sessions{}.Sessions(ctx)
	})
}

// credentials are good ones of each kind, those of a Super Admin.
func (s *site) credentials(t testing.TB) map[string]http.Header {
	s.Insert(t, "services_tokens", row{"token": "good", "userid": "102", "state": "1"})
	return map[string]http.Header{"cookie": s.CookieOf(t, "super"), "API token": s.apiToken(t), "cAPI token": {"Token": {"good"}}}
}

func TestFaultDatabaseDownForTheGuard(t *testing.T) {
	for _, d := range servers() {
		t.Run(d.name, func(t *testing.T) {
			nothingLeft(t)
			proxied, proxy := withProxy(t, d)
			site := joomla5(t, proxied)
			credentials := site.credentials(t)
			service := serve(t, capi.HandlerOptions{}, untouched(t), site.guard(t, nil))
			for name, header := range credentials {
				t.Run(name, func(t *testing.T) {
					proxy.cutAfter(0)
					defer proxy.heal()
					service.ask(t, header).requireRefused(t, http.StatusInternalServerError)
					service.ask(t, header).requireRefused(t, http.StatusInternalServerError)
					service.ask(t, nil).requireRefused(t, http.StatusUnauthorized)
					requireIdle(t, site.DB)
				})
			}
			for _, header := range credentials {
				site.guarded(t, nil).ask(t, header).requireList(t, len(site.Tables["session"]))
			}
		})
	}
}

func TestFaultDatabaseSlowForTheGuard(t *testing.T) {
	const patience = 300 * time.Millisecond
	for _, d := range servers() {
		t.Run(d.name, func(t *testing.T) {
			nothingLeft(t)
			proxied, proxy := withProxy(t, d)
			site := joomla5(t, proxied)
			service := serve(t, capi.HandlerOptions{}, untouched(t), site.guard(t, nil), impatient(patience))
			for name, header := range site.credentials(t) {
				t.Run(name, func(t *testing.T) {
					proxy.hold()
					defer proxy.release()
					service.ask(t, header).requireRefused(t, http.StatusInternalServerError)
					requireIdle(t, site.DB)
				})
			}
		})
	}
}

// TestFaultConnectionCutInTheGuard cuts the answer to the query of the guard
// all along its length, for a user with one group that grants the right and
// another that denies it.
func TestFaultConnectionCutInTheGuard(t *testing.T) {
	for _, d := range servers() {
		t.Run(d.name, func(t *testing.T) {
			nothingLeft(t)
			proxied, proxy := withProxy(t, d)
			site := joomla5(t, proxied)
			site.DB.SetMaxOpenConns(1)
			service := serve(t, capi.HandlerOptions{}, untouched(t), site.guard(t, nil))
			denied := site.CookieOf(t, "super_and_denied")
			statuses := map[int]int{}
			for after := int64(0); statuses[http.StatusForbidden] == 0; after += 61 {
				require.NoError(t, site.DB.PingContext(t.Context()))
				proxy.cutAfter(after)
				reply := service.ask(t, denied)
				proxy.heal()
				statuses[reply.status]++
				if reply.status != http.StatusForbidden {
					reply.requireRefused(t, http.StatusInternalServerError)
				}
				requireIdle(t, site.DB)
				require.Less(t, after, int64(100_000))
			}
			assert.Greater(t, statuses[http.StatusInternalServerError], 5)
		})
	}
}
