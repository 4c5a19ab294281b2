package integration_test

import (
	"bytes"
	"context"
	"database/sql"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/capi-go/capi"
)

// anyone is the Authorizer of tests of something else.
var anyone = capi.AuthorizerFunc(func(*http.Request) error { return nil })

// guard returns the Authorizer of the site as a service would have it.
func (s *site) guard(t testing.TB, change func(*capi.SiteConfig)) capi.Authenticator {
	t.Helper()
	return guardOf(t, s.capi(t, change))
}

// guardOf returns the Authorizer that takes every kind of credential.
func guardOf(t testing.TB, known *capi.Site) capi.Authenticator {
	t.Helper()
	session, err := capi.NewSessionAuthorizer(known)
	require.NoError(t, err)
	return capi.AnyOf(capi.NewAPITokenAuthorizer(known), capi.NewCAPITokenAuthorizer(known), session)
}

// A service is a handler on a server of its own, asked over HTTP.
type service struct {
	url    string
	client *http.Client
	server *httptest.Server
	log    *logBuffer
}

// A logBuffer keeps what was logged.
type logBuffer struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.text.String()
}

// errors returns how many lines were logged at level Error.
func (b *logBuffer) errors() int { return strings.Count(b.String(), `"level":"ERROR"`) }

// serve starts a service of store and auth. Each of wrap goes around the
// handler, the last outermost.
func serve(t testing.TB, config capi.HandlerOptions, store capi.Store, auth capi.Authorizer,
	wrap ...func(http.Handler) http.Handler) *service {
	t.Helper()
	s := &service{client: newClient(t), log: &logBuffer{}}
	config.Logger = slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	handler, err := config.NewHandler(store, auth)
	require.NoError(t, err)
	for _, w := range wrap {
		handler = w(handler)
	}
	s.server = httptest.NewUnstartedServer(handler)
	s.server.Config.ErrorLog = log.New(s.log, "", 0)
	s.server.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		_ = c.(*net.TCPConn).SetWriteBuffer(8 * smallBuffer)
		return ctx
	}
	s.server.Start()
	s.url = s.server.URL
	t.Cleanup(s.server.Close)
	return s
}

// ask sends a request with header to the service.
func (s *service) ask(t testing.TB, header http.Header) reply {
	return get(t.Context(), s.client, s.url, header)
}

// nothingLeft fails the test if goroutines are left over when all that it
// starts from now on has been closed.
func nothingLeft(t testing.TB) {
	t.Helper()
	present := goleak.IgnoreCurrent()
	t.Cleanup(func() {
		var err error
		// pgx takes up to 15 s to tell a server that does not answer of a
		// cancelled query.
		for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
			if err = goleak.Find(present); err == nil {
				return
			}
		}
		t.Errorf("goroutines are left over: %v", err)
	})
}

// requireIdle fails the test if connections of db stay in use.
func requireIdle(t testing.TB, db *sql.DB) {
	t.Helper()
	require.Eventually(t, func() bool { return db.Stats().InUse == 0 }, 10*time.Second, 5*time.Millisecond,
		"connections are still in use")
}
