package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/capi-go/capi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What a browser lets pages of other origins read of the list. Its user is
// logged in to the list's site, by a cookie as Joomla sets it (SameSite=Lax);
// programs have a token.
func TestCrossOrigin(t *testing.T) {
	b := startBrowser(t)

	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<!doctype html><title>Somebody's page</title>")
	}))
	defer page.Close()
	// Another port is another origin but the same site, so browsers send
	// cookies; another host is neither.
	sameSite, otherSite := page.URL, strings.Replace(page.URL, "127.0.0.1", "localhost", 1)

	named := capi.CORS{AllowedOrigins: []string{sameSite, otherSite}, AllowedHeaders: []string{"Authorization"}, AllowCredentials: true}
	unnamed := named
	unnamed.AllowedOrigins = []string{"https://dashboard.example.org"}

	const (
		plain       = `{}`
		credentials = `{credentials: "include"}`
		token       = `{headers: {token: "good"}}`
		bearer      = `{headers: {Authorization: "Bearer good"}}`
		blocked     = "blocked"
	)
	for _, test := range []struct {
		name   string
		cors   capi.CORS
		origin string
		fetch  string
		want   string // what the page reads
		cookie bool   // whether the browser sent the cookie
	}{
		{"default policy, no credentials: the refusal is readable", capi.CORS{}, sameSite, plain, `401 "Not authenticated."`, false},
		{"default policy, header token: the list is readable", capi.CORS{}, sameSite, token, `200 1 session`, false},
		{"default policy, header token, other site", capi.CORS{}, otherSite, token, `200 1 session`, false},
		{"default policy, cookie: sent, but the page cannot read the answer", capi.CORS{}, sameSite, credentials, blocked, true},
		{"default policy, Authorization: not among the allowed headers", capi.CORS{}, sameSite, bearer, blocked, false},
		{"named origin, cookie: the list is readable", named, sameSite, credentials, `200 1 session`, true},
		{"named origin, no credentials: no cookie is sent", named, sameSite, plain, `401 "Not authenticated."`, false},
		{"named origin, Authorization: the list is readable", named, sameSite, bearer, `200 1 session`, false},
		{"named origin of another site: a Lax cookie stays at home", named, otherSite, credentials, `401 "Not authenticated."`, false},
		{"origin not named, cookie: the page cannot read the answer", unnamed, sameSite, credentials, blocked, true},
		{"origin not named, Authorization: not even asked", unnamed, sameSite, bearer, blocked, false},
		{"origin not named, no credentials: not even the refusal is readable", unnamed, sameSite, plain, blocked, false},
		{"no origin at all", capi.CORS{AllowedOrigins: []string{}}, sameSite, plain, blocked, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			var cookie atomic.Bool
			list, err := capi.HandlerOptions{CORS: test.cors, Logger: slog.New(slog.DiscardHandler)}.NewHandler(
				capi.Sessions{{ID: "4d1f", Guest: true}},
				capi.AuthorizerFunc(func(r *http.Request) error {
					session, err := r.Cookie("session")
					cookie.Store(err == nil)
					switch {
					case err == nil && session.Value == "of a Super Admin",
						r.Header.Get("token") == "good",
						r.Header.Get("Authorization") == "Bearer good":
						return nil
					}
					return capi.ErrUnauthenticated
				}))
			require.NoError(t, err)
			mux := http.NewServeMux()
			mux.Handle("/api/v1/user/sessions", list)
			mux.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) {
				http.SetCookie(w, &http.Cookie{Name: "session", Value: "of a Super Admin", Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
			})
			api := httptest.NewServer(mux)
			defer api.Close()

			tab := b.open(t, 400, 400)
			tab.goTo(api.URL + "/login")
			tab.goTo(test.origin)
			read := eval[string](tab, fmt.Sprintf(`fetch(%s, %s).then(
				async (response) => {
					const {msg} = await response.json();
					return response.status + " " + (Array.isArray(msg) ? msg.length + " session" : JSON.stringify(msg));
				},
				(error) => error instanceof TypeError ? "blocked" : String(error))`, quote(api.URL+"/api/v1/user/sessions"), test.fetch))
			assert.Equal(t, test.want, read)
			assert.Equal(t, test.cookie, cookie.Load(), "whether the cookie was sent")
			if read == blocked {
				tab.expectComplaints("blocked by CORS policy")
			}
		})
	}
}
