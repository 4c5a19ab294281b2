package page_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/DATA-DOG/go-sqlmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/page"
)

func TestFeed(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	started := now.Add(-time.Hour)
	sessions := capi.Sessions{
		{ID: "id-of-a-guest", Guest: true, Time: now, Data: capi.Payload("")},
		{ID: "id-of-zoe", ClientID: capi.ClientAdministrator, Time: now.Add(-10 * time.Minute), UserID: 42, Username: "zoe",
			Data: userData("42", "Firefox", started, now.Add(-10*time.Minute))},
		{ID: "id-of-zoe-2", Time: now.Add(-2 * time.Hour), UserID: 42, Username: "zoe", Data: userData("42", "Firefox", started, now.Add(-2*time.Minute))},
		{ID: "id-without-metadata", ClientID: capi.ClientNone, Guest: true, Time: now, Data: userData("43", "Chrome", started, now)},
		{ID: "id-of-a-row", UserID: 44, Username: "<b>\xff" + strings.Repeat("é", 300)},
		{ID: "id-unreadable", UserID: 45, Username: "five", Time: now, Data: capi.Payload("secret, and no payload")},
		{ID: "id-of-nobody", Time: now, UserID: 46, Username: "gone", Data: userData("0", "", started, now)},
	}
	handler := newHandler(t, page.Site{Store: sessions, Auth: answering(nil)})
	w := get(handler, "/capi/feed")
	require.Equal(t, http.StatusOK, w.Code)
	assert.Equal(t, "application/x-ndjson", w.Header().Get("Content-Type"))
	assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	for _, secret := range []string{"id-", "form-token", "secret"} {
		assert.NotContains(t, w.Body.String(), secret)
	}
	lines := readLines(t, w.Body.String())
	require.Len(t, lines, 3)
	assert.InDelta(t, now.Unix(), lines[0].Now, 5)
	assert.Equal(t, []string{"Firefox", "Chrome"}, lines[1].Agents)
	age := func(t time.Time) float64 { return float64(lines[0].Now - t.Unix()) }
	pseudonyms := map[any]bool{}
	var rows [][]any
	for _, row := range lines[1].Rows {
		assert.Regexp(t, `^[0-9a-f]{10}$`, row[0])
		pseudonyms[row[0]] = true
		rows = append(rows, row[1:])
	}
	assert.Len(t, pseudonyms, 5)
	assert.Equal(t, [][]any{
		{0., 1., 42., "zoe", "Zoë Müll", age(now.Add(-10 * time.Minute)), age(started), 12., 0.},
		{0., 0., 42., "", "", age(now.Add(-2 * time.Minute)), age(started), 12., 0.},
		{0., -1., 43., "zoe", "Zoë Müll", age(now), age(started), 12., 1.},
		{0., 0., 44., "<b>\ufffd" + strings.Repeat("é", 198) + "…", "", nil, nil, 0., -1.},
		{0., 0., 45., "five", "", age(now), nil, 0., -1.},
	}, rows)
	last := lines[2]
	require.NotNil(t, last.Figures)
	assert.True(t, last.Whole)
	assert.Equal(t, 4, last.Figures.Persons)
	assert.Equal(t, 5, last.Figures.People)
	assert.Equal(t, 2, last.Figures.Guests)
	var applications, activity int
	for _, a := range last.Figures.Applications {
		applications += a.People + a.Guests + a.Ended
	}
	for _, a := range last.Figures.Activity {
		activity += a.People + a.Guests + a.Ended
	}
	assert.Equal(t, len(sessions), applications)
	assert.Equal(t, len(sessions), activity)
	assert.Equal(t, 1, last.Figures.Activity[len(last.Figures.Activity)-1].People, "of no known time")

	again := readLines(t, get(handler, "/capi/feed").Body.String())
	assert.Equal(t, lines[1].Rows, again[1].Rows, "pseudonyms hold")
}

// TestFeedOfUsersFails has a site that cannot tell who its users are.
func TestFeedOfUsersFails(t *testing.T) {
	db, mock, err := sqlmock.New()
	require.NoError(t, err)
	defer db.Close()
	site, err := capi.NewSite(db, capi.SiteConfig{DBType: "pgsql", DBPrefix: "jos_", Secret: capi.NewSecret("secret")})
	require.NoError(t, err)
	handler := newHandler(t, page.Site{Store: capi.Sessions{{UserID: 42, Time: time.Now()}}, Auth: answering(nil), Joomla: site})
	mock.ExpectQuery(".").WillReturnError(errors.New("the database is on fire"))
	w := get(handler, "/capi/feed", "Accept-Encoding", "gzip")
	assert.Equal(t, http.StatusInternalServerError, w.Code)
	assert.Empty(t, w.Header().Get("Content-Encoding"))
	assert.JSONEq(t, `{"msg":"Internal server error.","error":true,"status":500}`, w.Body.String())
	mock.ExpectQuery(".").WillReturnError(errors.New("the database is on fire"))
	w = get(handler, "/capi/user?id=42")
	assert.Equal(t, http.StatusInternalServerError, w.Code)
	assert.NotContains(t, w.Body.String(), "fire")
	for _, target := range []string{"/capi/user", "/capi/user?id=x", "/capi/user?id=4294967297"} {
		assert.Equal(t, http.StatusNotFound, get(handler, target).Code, target)
	}
	require.NoError(t, mock.ExpectationsWereMet())
}

// TestFeedOwn marks the session whose cookie comes with the request.
func TestFeedOwn(t *testing.T) {
	sessions := capi.Sessions{{ID: "mine", UserID: 42}, {ID: "another", UserID: 42}}
	auth := capi.AuthorizerFunc(func(r *http.Request) error {
		capi.SetUser(r.Context(), capi.User{ID: 42, Credential: "session"})
		return nil
	})
	handler := newHandler(t, page.Site{Store: sessions, Auth: auth})
	lines := readLines(t, get(handler, "/feed", "Cookie", "a=b; joomla=mine").Body.String())
	assert.Equal(t, int64(42), lines[0].User)
	assert.Equal(t, []any{2., 0.}, []any{lines[1].Rows[0][1], lines[1].Rows[1][1]})
	lines = readLines(t, get(handler, "/feed").Body.String())
	assert.Equal(t, []any{0., 0.}, []any{lines[1].Rows[0][1], lines[1].Rows[1][1]})
}

// TestFeedCompressed reads a feed as browsers do, whole and cut.
func TestFeedCompressed(t *testing.T) {
	sessions := make(capi.Sessions, 5000)
	for i := range sessions {
		sessions[i] = capi.Session{UserID: int64(i + 1), Username: "somebody"}
	}
	broken := errors.New("broken")
	failing := capi.StoreFunc(func(context.Context) iter.Seq2[capi.Session, error] {
		return func(yield func(capi.Session, error) bool) {
			for _, session := range sessions {
				if !yield(session, nil) {
					return
				}
			}
			yield(capi.Session{}, broken)
		}
	})
	whole := get(newHandler(t, page.Site{Store: sessions, Auth: answering(nil)}), "/feed")
	assert.Equal(t, "Accept-Encoding", whole.Header().Get("Vary"))
	for _, store := range []capi.Store{sessions, failing} {
		server := httptest.NewServer(newHandler(t, page.Site{Store: store, Auth: answering(nil)}))
		r, err := http.NewRequest(http.MethodGet, server.URL+"/feed", nil)
		require.NoError(t, err)
		r.Header.Set("Accept-Encoding", "br, gzip")
		response, err := server.Client().Do(r)
		require.NoError(t, err)
		assert.Equal(t, "gzip", response.Header.Get("Content-Encoding"))
		zip, err := gzip.NewReader(response.Body)
		require.NoError(t, err)
		body, err := io.ReadAll(zip)
		if _, fails := store.(capi.StoreFunc); fails {
			assert.ErrorIs(t, err, io.ErrUnexpectedEOF, "cut")
			assert.NotContains(t, string(body), `"whole":true`)
		} else {
			require.NoError(t, err)
			assert.Equal(t, len(readLines(t, whole.Body.String())[1].Rows), len(readLines(t, string(body))[1].Rows))
		}
		response.Body.Close()
		server.Close()
	}
}

func TestFeedSummary(t *testing.T) {
	summary := capi.Sessions{{UserID: 1}, {UserID: 1}, {Guest: true}, {UserID: 0, Username: "a"}, {UserID: 0, Username: "b"}}
	w := get(newHandler(t, page.Site{Store: capi.Sessions{}, Summary: summary, Auth: answering(nil)}), "/feed")
	lines := readLines(t, w.Body.String())
	require.Len(t, lines, 3)
	assert.Equal(t, 3, lines[1].Figures.Persons)
	assert.Equal(t, 4, lines[1].Figures.People)
	assert.Nil(t, lines[1].Figures.Waiting)
	assert.False(t, lines[1].Whole)
	assert.Zero(t, lines[2].Figures.People)
	assert.NotNil(t, lines[2].Figures.Waiting)
	assert.True(t, lines[2].Whole)
}

// TestFeedSoFar reads figures of an unfinished summary.
func TestFeedSoFar(t *testing.T) {
	seen := make(chan struct{})
	summary := capi.StoreFunc(func(ctx context.Context) iter.Seq2[capi.Session, error] {
		return func(yield func(capi.Session, error) bool) {
			for ctx.Err() == nil {
				select {
				case <-seen:
					return
				default:
					if !yield(capi.Session{UserID: 1}, nil) {
						return
					}
				}
			}
		}
	})
	server := httptest.NewServer(newHandler(t, page.Site{Store: capi.Sessions{}, Summary: summary, Auth: answering(nil)}))
	defer server.Close()
	response, err := server.Client().Get(server.URL + "/feed")
	require.NoError(t, err)
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	require.True(t, lines.Scan())
	require.True(t, lines.Scan())
	assert.Contains(t, lines.Text(), `"persons":1,`)
	assert.Contains(t, lines.Text(), `"whole":false,"counting":true}`)
	close(seen)
	var last string
	for lines.Scan() {
		last = lines.Text()
	}
	require.NoError(t, lines.Err())
	assert.Contains(t, last, `"whole":true}`)
}

// TestFeedAgents has more browsers than numbers, and long names.
func TestFeedAgents(t *testing.T) {
	var sessions capi.Sessions
	for i := range 1002 {
		agent := fmt.Sprintf("browser %d", i)
		if i == 0 {
			agent = strings.Repeat("x", 500)
		}
		sessions = append(sessions, capi.Session{UserID: 1, Data: userData("1", agent, time.Now(), time.Now())})
	}
	var agents []string
	var rows [][]any
	for _, l := range readLines(t, get(newHandler(t, page.Site{Store: sessions, Auth: answering(nil)}), "/feed").Body.String()) {
		agents, rows = append(agents, l.Agents...), append(rows, l.Rows...)
	}
	require.Len(t, rows, len(sessions))
	assert.Len(t, agents, 1000)
	assert.Equal(t, strings.Repeat("x", 400)+"…", rows[0][9])
	assert.InDelta(t, 0, rows[1][9], 0)
	assert.Equal(t, "browser 1001", rows[1001][9])
}

func TestFeedRefuses(t *testing.T) {
	for _, test := range []struct {
		name   string
		err    error
		status int
		msg    string
	}{
		{"nobody", capi.ErrUnauthenticated, 401, "Not authenticated."},
		{"a user", fmt.Errorf("%w: reason of another Authorizer", capi.ErrForbidden), 403, "Not authorized."},
		{"a failure", errors.New("the database is on fire"), 500, "Internal server error."},
	} {
		handler := newHandler(t, page.Site{Store: unread(t), Auth: answering(test.err)})
		for _, path := range []string{"/capi/feed", "/capi/sites", "/capi/user?id=1"} {
			w := get(handler, path)
			assert.Equal(t, test.status, w.Code, test.name)
			assert.JSONEq(t, fmt.Sprintf(`{"msg":%q,"error":true,"status":%d}`, test.msg, test.status), w.Body.String())
		}
	}
}

func TestFeedIsForItsOwnOrigin(t *testing.T) {
	asked := false
	auth := capi.AuthorizerFunc(func(*http.Request) error { asked = true; return nil })
	handler := newHandler(t, page.Site{Store: capi.Sessions{}, Auth: auth})
	for _, path := range []string{"/feed", "/sites", "/user"} {
		for from, want := range map[string]int{"": 200, "same-origin": 200, "none": 200, "same-site": 403, "cross-site": 403} {
			asked = false
			w := get(handler, path, "Sec-Fetch-Site", from, "Origin", "https://elsewhere.example")
			if path == "/user" && want == 200 {
				assert.Equal(t, 404, w.Code, "a Store alone knows no e-mail")
			} else {
				assert.Equal(t, want, w.Code, from)
			}
			assert.Equal(t, want == 200, asked, "nobody's database is asked")
			for name := range w.Header() {
				assert.NotContains(t, name, "Access-Control")
			}
			assert.Equal(t, "same-origin", w.Header().Get("Cross-Origin-Resource-Policy"))
		}
	}
}

// TestFeedFails has stores that fail before the first bytes, and after them.
func TestFeedFails(t *testing.T) {
	fire := errors.New("the database is on fire")
	failing := func(rows int) capi.Store {
		return capi.StoreFunc(func(context.Context) iter.Seq2[capi.Session, error] {
			return func(yield func(capi.Session, error) bool) {
				for range rows {
					if !yield(capi.Session{UserID: 1, Username: "somebody"}, nil) {
						return
					}
				}
				yield(capi.Session{}, fire)
			}
		})
	}
	nothing := capi.StoreFunc(func(context.Context) iter.Seq2[capi.Session, error] { return nil })
	for name, site := range map[string]page.Site{
		"at once":              {Store: failing(0)},
		"in the first figures": {Store: capi.Sessions{}, Summary: failing(5000)},
		"before a full line":   {Store: failing(10)},
		"a nil iterator":       {Store: nothing},
	} {
		site.Auth = answering(nil)
		w := get(newHandler(t, site), "/feed")
		assert.Equal(t, http.StatusInternalServerError, w.Code, name)
		assert.NotContains(t, w.Body.String(), "fire")
	}
	for _, site := range []page.Site{{Store: failing(5000)}, {Store: failing(0), Summary: capi.Sessions{}}} {
		site.Auth = answering(nil)
		server := httptest.NewServer(newHandler(t, site))
		response, err := server.Client().Get(server.URL + "/feed")
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		assert.ErrorIs(t, err, io.ErrUnexpectedEOF, "cut")
		assert.NotContains(t, string(body), `"whole":true`)
		response.Body.Close()
		server.Close()
	}
}

// Whatever ends a feed after its first bytes, the log says once who read how
// much of it.
func TestFeedLogsReaders(t *testing.T) {
	named := capi.AuthorizerFunc(func(r *http.Request) error {
		capi.SetUser(r.Context(), capi.User{ID: 42, Credential: "session"})
		return nil
	})
	for name, test := range map[string]struct {
		then   func(yield func(capi.Session, error) bool)
		panics any
	}{
		"whole":              {func(func(capi.Session, error) bool) {}, nil},
		"error":              {func(yield func(capi.Session, error) bool) { yield(capi.Session{}, errors.New("down")) }, http.ErrAbortHandler},
		"panic of the Store": {func(func(capi.Session, error) bool) { panic("a fault") }, "a fault"},
	} {
		t.Run(name, func(t *testing.T) {
			const sessions = 5000
			store := capi.StoreFunc(func(context.Context) iter.Seq2[capi.Session, error] {
				return func(yield func(capi.Session, error) bool) {
					for range sessions {
						if !yield(capi.Session{UserID: 1, Username: "somebody"}, nil) {
							return
						}
					}
					test.then(yield)
				}
			})
			var logs bytes.Buffer
			handler, err := page.Options{Logger: slog.New(slog.NewTextHandler(&logs, nil))}.NewHandler(page.Site{Store: store, Auth: named})
			require.NoError(t, err)
			w := httptest.NewRecorder()
			var panicked any
			func() {
				defer func() { panicked = recover() }()
				handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/feed", nil))
			}()
			assert.Equal(t, test.panics, panicked)
			line := fmt.Sprintf(`msg="page: feed read" user=42 username="" credential=session sessions=%d bytes=%d finished=%t`,
				sessions, w.Body.Len(), test.panics == nil)
			assert.Equal(t, 1, strings.Count(logs.String(), line), logs.String())
			assert.Equal(t, 1, strings.Count(logs.String(), "feed read"))
		})
	}
}
