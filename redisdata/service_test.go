package redisdata_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/internal/joomlatest"
)

// anyone accepts every request, for tests of something else.
var anyone = capi.AuthorizerFunc(func(*http.Request) error { return nil })

// newSite returns a site in its own file that keeps its sessions in data.
func newSite(t testing.TB, recording *joomlatest.Recording, data capi.SessionData, metadata bool) (*joomlatest.Site, *capi.Site) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "site.db")+"?_pragma=synchronous(0)")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	tables := joomlatest.NewSite(t, db, joomlatest.SQLite, joomlatest.Joomla42, recording)
	options := capi.SiteOptions{SessionData: data, Now: func() time.Time { return time.Unix(recording.Now, 0) }}
	site, err := options.NewSite(db, capi.SiteConfig{
		DBType: "sqlite", DBPrefix: tables.Prefix, Secret: capi.NewSecret(recording.Config.Secret),
		Lifetime:       time.Duration(recording.Config.LifetimeMinutes) * time.Minute,
		SessionHandler: "redis", SessionMetadataOff: !metadata,
	})
	require.NoError(t, err)
	return tables, site
}

// A service is a handler on its own server, with its log.
type service struct {
	*httptest.Server
	mutex  sync.Mutex
	logged bytes.Buffer
}

func (s *service) Write(p []byte) (int, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.logged.Write(p)
}

func (s *service) log() string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.logged.String()
}

func serve(t testing.TB, store capi.Store, auth capi.Authorizer) *service {
	t.Helper()
	s := &service{}
	handler, err := capi.HandlerOptions{Logger: slog.New(slog.NewTextHandler(s, nil))}.NewHandler(store, auth)
	require.NoError(t, err)
	s.Server = httptest.NewUnstartedServer(handler)
	s.Config.ErrorLog = log.New(s, "", 0)
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// get asks for the list with cookies, calls midway after its first bytes, and
// reads the rest.
func (s *service) get(ctx context.Context, cookies map[string]string, midway func()) (status int, body []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL, nil)
	if err != nil {
		return 0, nil, err
	}
	for name, value := range cookies {
		request.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	response, err := s.Client().Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	if midway != nil {
		if _, err := io.ReadFull(response.Body, make([]byte, 100)); err != nil {
			return response.StatusCode, nil, err
		}
		midway()
	}
	body, err = io.ReadAll(response.Body)
	return response.StatusCode, body, err
}

// list returns the sessions of an answer, which must be whole.
func (s *service) list(t testing.TB) []capi.Session {
	t.Helper()
	status, body, err := s.get(t.Context(), nil, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status, s.log())
	var envelope struct{ Msg []capi.Session }
	require.NoError(t, json.Unmarshal(body, &envelope))
	return envelope.Msg
}

// requireCut checks that a list is cut when midway is called during it.
func (s *service) requireCut(t testing.TB, midway func()) {
	t.Helper()
	_, _, err := s.get(t.Context(), nil, midway)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	assert.Equal(t, 1, strings.Count(s.log(), "level=ERROR"), s.log())
}

// requireStatus checks the status of the guard's answer.
func (s *service) requireStatus(t testing.TB, want int, cookies map[string]string, what ...any) {
	t.Helper()
	status, body, err := s.get(t.Context(), cookies, nil)
	require.NoError(t, err, what...)
	require.Equal(t, want, status, what...)
	if want != http.StatusOK {
		assert.NotContains(t, string(body), "session_id")
	}
}

// payload returns data of some size, which names its session.
func payload(i, size int) string {
	return fmt.Sprintf("x|s:%d:\"%s\";", size, fmt.Sprintf("%0*d", size, i))
}

// fill writes n sessions to Redis and, if site is not nil, their rows to its
// table.
func fill(t testing.TB, client redis.UniversalClient, prefix string, site *joomlatest.Site, n, size int) {
	t.Helper()
	const some = 1000
	for first := 0; first < n; first += some {
		_, err := client.Pipelined(t.Context(), func(p redis.Pipeliner) error {
			var rows []joomlatest.Row
			for i := first; i < min(first+some, n); i++ {
				id := fmt.Sprintf("session%08d", i)
				p.Set(t.Context(), prefix+id, payload(i, size), time.Hour)
				rows = append(rows, joomlatest.Row{"session_id": id, "client_id": "0", "guest": "1", "time": "1795646391"})
			}
			if site != nil {
				site.Insert(t, "session", rows...)
			}
			return nil
		})
		require.NoError(t, err)
	}
}
