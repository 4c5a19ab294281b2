package page_test

import (
	"bufio"
	"bytes"
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
	unix := func(t time.Time) float64 { return float64(t.Unix()) }
	pseudonyms := map[any]bool{}
	var rows [][]any
	for _, row := range lines[1].Rows {
		assert.Regexp(t, `^[0-9a-f]{10}$`, row[0])
		pseudonyms[row[0]] = true
		rows = append(rows, row[1:])
	}
	assert.Len(t, pseudonyms, 5)
	assert.Equal(t, [][]any{
		{0., 1., 42., "zoe", "Zoë Müll", unix(now.Add(-10 * time.Minute)), unix(started), 12., 0.},
		{0., 0., 42., "zoe", "Zoë Müll", unix(now.Add(-2 * time.Minute)), unix(started), 12., 0.},
		{0., -1., 43., "zoe", "Zoë Müll", unix(now), unix(started), 12., 1.},
		{0., 0., 44., "<b>\ufffd" + strings.Repeat("é", 198) + "…", "", 0., 0., 0., -1.},
		{0., 0., 45., "five", "", unix(now), 0., 0., -1.},
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
	counted := readLines(t, get(handler, "/capi/feed?rows=0").Body.String())
	require.Len(t, counted, 2)
	assert.Equal(t, last.Figures, counted[1].Figures)
}

// TestFeedOfDeletedUsers has sessions of deleted users, among more users than
// one query takes.
func TestFeedOfDeletedUsers(t *testing.T) {
	now := time.Now()
	db, mock, err := sqlmock.New()
	require.NoError(t, err)
	defer db.Close()
	site, err := capi.NewSite(db, capi.SiteConfig{DBType: "pgsql", DBPrefix: "jos_", Secret: capi.NewSecret("secret")})
	require.NoError(t, err)
	sessions := capi.Sessions{
		{ID: "id-of-a-guest", Guest: true, Time: now, Data: capi.Payload("")},
		{ID: "id-of-42", ClientID: capi.ClientAdministrator, UserID: 42, Time: now, Data: userData("42", "", now, now)},
		{ID: "id-of-43", ClientID: capi.ClientAdministrator, UserID: 43, Time: now, Data: userData("43", "", now, now)},
		{ID: "id-of-43-2", UserID: 43, Username: "deleted", Time: now},
		{ID: "id-without-user", Username: "somebody", Time: now},
		{ID: "id-of-nobody", UserID: 1 << 40, Username: "nobody", Time: now},
	}
	for id := int64(1000); id < 1200; id++ {
		sessions = append(sessions, capi.Session{ID: fmt.Sprint("id-", id), UserID: id, Time: now})
	}
	const asked = `^SELECT "id" FROM "jos_users" WHERE "id" IN \(\$1, .*\$128\)$`
	for range 2 {
		first, second := sqlmock.NewRows([]string{"id"}).AddRow(42), sqlmock.NewRows([]string{"id"})
		for id := int64(1000); id < 1126; id++ { // With 42 and 43, those of a query.
			first.AddRow(id)
		}
		for id := int64(1126); id < 1200; id++ {
			second.AddRow(id)
		}
		mock.ExpectQuery(asked).WillReturnRows(first)
		mock.ExpectQuery(asked).WillReturnRows(second)
		mock.ExpectQuery(`STRING_AGG`).WillReturnRows(sqlmock.NewRows([]string{"on", "off"}).AddRow("", ""))
		mock.ExpectQuery(`com_users`).WillReturnRows(sqlmock.NewRows([]string{"params"}))
	}
	handler := newHandler(t, page.Site{Store: sessions, Auth: answering(nil), Joomla: site})
	lines := readLines(t, get(handler, "/capi/feed").Body.String())
	require.Len(t, lines, 4)
	assert.Equal(t, []int{1, 2, 4}, lines[2].Ended)
	got := lines[3].Figures
	assert.Equal(t, 202, got.Persons)
	assert.Equal(t, []int{202, 1, 3, 0}, []int{got.People, got.Guests, got.Ended, got.EndedGuests})
	assert.Equal(t, 1, got.Applications[1].People, "of the administrator")
	assert.Equal(t, 1, got.Applications[1].Ended)
	assert.Equal(t, 3, got.Activity[0].Ended)
	counted := readLines(t, get(handler, "/capi/feed?rows=0").Body.String())
	assert.Equal(t, got, counted[len(counted)-1].Figures)

	mock.ExpectQuery(`jos_users`).WillReturnError(errors.New("the database is on fire"))
	assert.Equal(t, http.StatusInternalServerError, get(handler, "/capi/feed").Code)
	require.NoError(t, mock.ExpectationsWereMet())
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
		for _, path := range []string{"/capi/feed", "/capi/sites"} {
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
	for _, path := range []string{"/feed", "/sites"} {
		for from, want := range map[string]int{"": 200, "same-origin": 200, "none": 200, "same-site": 403, "cross-site": 403} {
			asked = false
			w := get(handler, path, "Sec-Fetch-Site", from, "Origin", "https://elsewhere.example")
			assert.Equal(t, want, w.Code, from)
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
			const sessions = 1000
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
