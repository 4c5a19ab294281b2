package capi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

// records returns the records of a log in JSON, without their time.
func records(t testing.TB, logs *bytes.Buffer) []map[string]any {
	t.Helper()
	var list []map[string]any
	for decoder := json.NewDecoder(bytes.NewReader(logs.Bytes())); decoder.More(); {
		var record map[string]any
		require.NoError(t, decoder.Decode(&record))
		delete(record, "time")
		list = append(list, record)
	}
	return list
}

// read returns the record of a list that was read.
func read(user int64, username, credential string, sessions, bytes int, finished bool) map[string]any {
	return map[string]any{
		"level": "INFO", "msg": "capi: session list read", "user": float64(user), "username": username, "credential": credential,
		"sessions": float64(sessions), "bytes": float64(bytes), "finished": finished,
	}
}

// anyOf returns the guard of a site, with sessions and both kinds of tokens.
func anyOf(t testing.TB, site *capi.Site) capi.Authorizer {
	t.Helper()
	return capi.AnyOf(capi.NewAPITokenAuthorizer(site), capi.NewCAPITokenAuthorizer(site), newSessionAuthorizer(t, site))
}

// naming returns an Authorizer that accepts every request as that of a user.
func naming(id int64, credential string) capi.Authorizer {
	return capi.AuthorizerFunc(func(r *http.Request) error {
		capi.SetUser(r.Context(), capi.User{ID: id, Credential: credential})
		return nil
	})
}

func TestHandlerLogsReaders(t *testing.T) {
	named := capi.AuthorizerFunc(func(r *http.Request) error {
		capi.SetUser(r.Context(), capi.User{ID: 1, Credential: "first"})
		capi.SetUser(r.Context(), capi.User{ID: 2, Username: "sso", Credential: "SSO"})
		return nil
	})
	wrapped := capi.AuthorizerFunc(func(r *http.Request) error {
		_, err := capi.Authorize(named, r)
		return err
	})
	refused := capi.AuthorizerFunc(func(r *http.Request) error {
		if _, err := capi.Authorize(named, r); err != nil {
			return err
		}
		return capi.ErrUnauthenticated
	})
	all := func(found reply) capi.Authorizer { return anyOf(t, newFakeDB(found).site(t)) }
	tests := map[string]struct {
		auth     capi.Authorizer
		request  *http.Request
		user     int64
		username string
		kind     string
	}{
		"session":                {all(found(byCookie, row{})), withSession(), 7, "admin", "session"},
		"API token":              {all(found(byAPIToken, row{"id": int64(8)})), withAPIToken(), 8, "admin", "API token"},
		"cAPI token":             {all(found(byCAPIToken, row{"id": int64(9)})), withHeaders("token", "token-hush"), 9, "admin", "cAPI token"},
		"the last counts":        {named, withHeaders(), 2, "sso", "SSO"},
		"a wrapped authorizer":   {wrapped, withHeaders(), 2, "sso", "SSO"},
		"a user who was refused": {capi.AnyOf(refused, answering(nil)), withHeaders(), 0, "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			config, logs := logged()
			w := &chunks{header: http.Header{}}
			newHandler(t, config, capi.Sessions{{ID: "hush"}, {}}, test.auth).ServeHTTP(w, test.request)
			got := records(t, logs)
			require.NotEmpty(t, got)
			assert.Equal(t, read(test.user, test.username, test.kind, 2, w.sizes[0], true), got[0])
		})
	}
}

// Whatever ends a list after its first bytes, the log says once who read how
// much of it.
func TestHandlerLogsCutLists(t *testing.T) {
	const most = 100 // sessions before something happens
	down := errors.New("down")
	type next = func(capi.Session, error) bool
	tests := map[string]struct {
		then     func(ctx context.Context, leave context.CancelFunc, yield next)
		fails    error // the error of writing, after the first bytes
		panics   any
		sessions int
		level    string // of the line about the failure, if there is one
	}{
		"error": {func(_ context.Context, _ context.CancelFunc, yield next) { yield(capi.Session{}, down) },
			nil, http.ErrAbortHandler, most, "ERROR"},
		"deadline": {func(ctx context.Context, _ context.CancelFunc, _ next) { <-ctx.Done() },
			nil, http.ErrAbortHandler, most, "ERROR"},
		"client that leaves": {func(_ context.Context, leave context.CancelFunc, _ next) { leave() },
			nil, http.ErrAbortHandler, most, "INFO"},
		"client that cannot be written to": {nil, down, http.ErrAbortHandler, 6, "INFO"},
		"panic of the Store": {func(context.Context, context.CancelFunc, next) { panic("a fault") },
			nil, "a fault", most, ""},
		"abort by the Store": {func(context.Context, context.CancelFunc, next) { panic(http.ErrAbortHandler) },
			nil, http.ErrAbortHandler, most, ""},
		"panic of a Redaction": {func(_ context.Context, _ context.CancelFunc, yield next) { yield(capi.Session{ID: "fatal"}, nil) },
			nil, "a fault", most, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			ctx, leave := context.WithCancel(t.Context())
			if name == "deadline" {
				ctx, leave = context.WithTimeout(t.Context(), time.Millisecond)
			}
			defer leave()
			store := capi.StoreFunc(func(ctx context.Context) iter.Seq2[capi.Session, error] {
				return func(yield func(capi.Session, error) bool) {
					for range most {
						if !yield(capi.Session{ID: "id", Data: make(capi.Payload, 4<<10)}, nil) {
							return
						}
					}
					test.then(ctx, leave, yield)
				}
			})
			options, logs := logged()
			options.Redact = []capi.Redaction{func(session capi.Session) capi.Session {
				if session.ID == "fatal" {
					panic("a fault")
				}
				return session
			}}
			w := &chunks{header: http.Header{}, err: test.fails}
			var panicked any
			func() {
				defer func() { panicked = recover() }()
				newHandler(t, options, store, naming(7, "SSO")).ServeHTTP(w, withHeaders().WithContext(ctx))
			}()
			assert.Equal(t, test.panics, panicked)
			sent := 0
			for _, size := range w.sizes {
				sent += size
			}
			if test.fails != nil {
				sent = w.sizes[0]
			}
			got := records(t, logs)
			if test.level != "" {
				require.Len(t, got, 2)
				assert.Equal(t, test.level, got[0]["level"])
				assert.Equal(t, "capi: listing sessions, cut short", got[0]["msg"])
				got = got[1:]
			}
			assert.Equal(t, []map[string]any{read(7, "", "SSO", test.sessions, sent, false)}, got)
		})
	}
}

// A list that fails before its first bytes are sent has no reader.
func TestHandlerLogsNoReaderOfNothing(t *testing.T) {
	options, logs := logged()
	handler := newHandler(t, options, failing(1, 0, errors.New("down")), naming(7, "SSO"))
	serveOnce(handler)
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodHead, "/", nil))
	require.Len(t, records(t, logs), 1)
	assert.NotContains(t, logs.String(), "SSO")
}

// gone is the ResponseWriter of a connection that is closed.
type gone struct{ http.ResponseWriter }

// SetWriteDeadline is for [http.ResponseController].
func (gone) SetWriteDeadline(time.Time) error { return net.ErrClosed }

// A handler logs once that it cannot keep a promise.
func TestHandlerWarnsOnce(t *testing.T) {
	elsewhere := capi.AuthorizerFunc(func(*http.Request) error {
		capi.SetUser(context.Background(), capi.User{ID: 7})
		return nil
	})
	tests := map[string]struct {
		auth capi.Authorizer
		w    func() http.ResponseWriter
		want map[any]int
	}{
		"no reader": {elsewhere, func() http.ResponseWriter { return &chunks{header: http.Header{}} },
			map[any]int{"capi: the log cannot say who reads": 1}},
		"no deadlines": {naming(0, "network"), func() http.ResponseWriter { return httptest.NewRecorder() },
			map[any]int{"capi: StallTimeout has no effect": 1}},
		"a connection that is gone": {naming(0, "network"), func() http.ResponseWriter { return gone{httptest.NewRecorder()} },
			map[any]int{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			options, logs := logged()
			handler := newHandler(t, options, capi.Sessions{}, test.auth)
			for range 3 {
				handler.ServeHTTP(test.w(), withHeaders())
			}
			got := map[any]int{}
			for _, record := range records(t, logs) {
				if record["level"] == "WARN" {
					got[record["msg"]]++
				}
			}
			assert.Equal(t, test.want, got)
		})
	}
}

// No credential gets into a log at any level, whatever happens to the request.
func TestHandlerLogsNoCredential(t *testing.T) {
	var logs bytes.Buffer
	config := capi.HandlerOptions{Logger: slog.New(slog.NewJSONHandler(&logs, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	broken := errors.New("broken")
	for name, test := range map[string]struct {
		replies []reply
		rest    error
		want    string
	}{
		"accepted":  {[]reply{list(), list(), found(byCookie, row{})}, nil, "session list read"},
		"forbidden": {[]reply{list(), list(), found(byCookie, row{"groups": "2"})}, nil, noCoreAdmin},
		"unknown":   {[]reply{list(), list(), list()}, nil, invalidAPIToken + "; " + unknownCAPIToken + "; " + unknownSession},
		"failing":   {nil, broken, "broken"},
	} {
		t.Run(name, func(t *testing.T) {
			logs.Reset()
			db := newFakeDB(test.replies...)
			db.rest = test.rest
			r := withAPIToken()
			r.Header.Set("Cookie", cookieName("site")+"="+testID)
			r.Header.Set("token", "token-hush")
			newHandler(t, config, capi.Sessions{}, anyOf(t, db.site(t))).ServeHTTP(&chunks{header: http.Header{}}, r)
			assert.Contains(t, logs.String(), test.want)
			assert.NotContains(t, logs.String(), "hush")
			assert.NotContains(t, logs.String(), strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
			assert.NotContains(t, logs.String(), cookieName("site"))
		})
	}
}
