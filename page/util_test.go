package page_test

import (
	"context"
	"encoding/json"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/page"
)

// newHandler returns a handler of sites that logs nothing.
func newHandler(t testing.TB, sites ...page.Site) http.Handler {
	t.Helper()
	handler, err := page.Options{Logger: slog.New(slog.DiscardHandler)}.NewHandler(sites...)
	require.NoError(t, err)
	return handler
}

// answering returns an Authorizer that answers with err.
func answering(err error) capi.Authorizer {
	return capi.AuthorizerFunc(func(*http.Request) error { return err })
}

// unread returns a Store that must not be read.
func unread(t testing.TB) capi.Store {
	return capi.StoreFunc(func(context.Context) iter.Seq2[capi.Session, error] {
		assert.Fail(t, "the list is not read")
		return nil
	})
}

// get asks a handler.
func get(handler http.Handler, target string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

// A line is a line of a feed.
type line struct {
	Now     int64
	User    int64
	Figures *figures
	Whole   bool
	Agents  []string
	Rows    [][]any
	Waiting []int
	Ended   []int
}

type figures struct {
	Persons, EndedGuests  int
	Waiting               *int
	People, Guests, Ended int
	Applications          []struct{ Client, People, Guests, Ended int }
	Activity              []struct{ Within, People, Guests, Ended int }
}

// readLines returns the lines of a feed.
func readLines(t testing.TB, body string) (lines []line) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(body))
	for {
		var l line
		err := decoder.Decode(&l)
		if err == io.EOF {
			return lines
		}
		require.NoError(t, err)
		lines = append(lines, l)
	}
}

// userData returns the data of a session of Joomla 3.4 with everything that the
// page shows.
func userData(id, agent string, started, now time.Time) capi.Payload {
	return capi.Payload(`__default|a:6:{s:15:"session.counter";i:12;s:19:"session.timer.start";i:` + itoa(started.Unix()) +
		`;s:17:"session.timer.now";i:` + itoa(now.Unix()) + `;s:22:"session.client.browser";s:` + itoa(int64(len(agent))) + `:"` + agent +
		`";s:13:"session.token";s:12:"form-token-1";s:4:"user";O:5:"JUser":3:{s:2:"id";s:` + itoa(int64(len(id))) + `:"` + id +
		`";s:4:"name";s:10:"Zoë Müll";s:8:"username";s:3:"zoe";}}`)
}

func itoa(n int64) string {
	text, err := json.Marshal(n)
	if err != nil {
		panic(err)
	}
	return string(text)
}
