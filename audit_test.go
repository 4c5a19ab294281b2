package capi_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"

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
func read(user int64, credential string, sessions, bytes int, finished bool) map[string]any {
	return map[string]any{
		"level": "INFO", "msg": "capi: session list read", "user": float64(user), "credential": credential,
		"sessions": float64(sessions), "bytes": float64(bytes), "finished": finished,
	}
}

// anyOf returns the guard of a site: sessions, and tokens of both kinds.
func anyOf(t testing.TB, site *capi.Site) capi.Authorizer {
	t.Helper()
	return capi.AnyOf(capi.NewAPITokenAuthorizer(site), capi.NewCAPITokenAuthorizer(site), newSessionAuthorizer(t, site))
}

func TestHandlerLogsReaders(t *testing.T) {
	named := capi.AuthorizerFunc(func(r *http.Request) error {
		capi.SetUser(r.Context(), capi.User{ID: 1, Credential: "first"})
		capi.SetUser(r.Context(), capi.User{ID: 2, Credential: "SSO"})
		return nil
	})
	all := func(found reply) capi.Authorizer { return anyOf(t, newFakeDB(found).site(t)) }
	tests := map[string]struct {
		auth    capi.Authorizer
		request *http.Request
		user    int64
		kind    string
	}{
		"session":         {all(found(byCookie, row{})), withSession(), 7, "session"},
		"API token":       {all(found(byAPIToken, row{"id": int64(8)})), withAPIToken(), 8, "API token"},
		"cAPI token":      {all(found(byCAPIToken, row{"id": int64(9)})), withHeaders("token", "token-hush"), 9, "cAPI token"},
		"the last counts": {named, withHeaders(), 2, "SSO"},
		"nobody":          {answering(nil), withHeaders(), 0, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			config, logs := logged()
			w := &chunks{header: http.Header{}}
			newHandler(t, config, capi.Sessions{{ID: "hush"}, {}}, test.auth).ServeHTTP(w, test.request)
			assert.Equal(t, []map[string]any{read(test.user, test.kind, 2, w.sizes[0], true)}, records(t, logs))
		})
	}
}

func TestHandlerLogsCutLists(t *testing.T) {
	config, logs := logged()
	assert.Panics(t, func() {
		serveOnce(newHandler(t, config, failing(100, 4<<10, errors.New("the cause")), answering(nil)))
	})
	got := records(t, logs)
	require.Len(t, got, 2)
	bytes, _ := got[0]["bytes"].(float64)
	assert.Greater(t, bytes, 100_000.0)
	assert.Equal(t, read(0, "", 100, int(bytes), false), got[0])
	assert.Equal(t, map[string]any{"level": "ERROR", "msg": "capi: listing sessions, cut short", "error": "the cause"}, got[1])
}

// No credential gets into a log at any level, whatever becomes of the request.
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
