package main

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/capi-go/capi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// recordsOf returns the lines of a log, each of which must be JSON.
func recordsOf(t *testing.T, text string) (lines []map[string]any) {
	t.Helper()
	for text := range strings.Lines(text) {
		var line map[string]any
		require.NoError(t, json.Unmarshal([]byte(text), &line), "%s", text)
		lines = append(lines, line)
	}
	return lines
}

func TestLogEverything(t *testing.T) {
	var written bytes.Buffer
	logger, err := newLogger(&written, "json", "debug")
	require.NoError(t, err)
	before := slog.Default()
	defer slog.SetDefault(before)
	logEverything(logger)
	log.Print("from a package that uses log")
	slog.Info("from one that uses slog")
	redisLogger{logger}.Printf(t.Context(), "redis: %s", "connection pool")
	log.New(serverLog{logger}, "", 0).Print("http: TLS handshake error from [::1]:1: tls: client requested unsupported application protocols ([\"hunter2\"])")
	log.New(serverLog{logger}, "", 0).Print("http2: server: error reading preface from client 1.2.3.4:5: bogus greeting \"GET /?token=hunter2\"")
	lines := recordsOf(t, written.String())
	require.Len(t, lines, 5)
	assert.Equal(t, "http: TLS handshake error from [::1]:1: tls: client requested unsupported application protocols", lines[3]["error"])
	assert.NotContains(t, written.String(), "hunter2")
}

// TestServerLog has a client that does not speak the protocol it has agreed to.
func TestServerLog(t *testing.T) {
	var mu sync.Mutex
	var written bytes.Buffer
	logger, err := newLogger(writerFunc(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return written.Write(p)
	}), "json", "info")
	require.NoError(t, err)
	text := func() string {
		mu.Lock()
		defer mu.Unlock()
		return written.String()
	}
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(serverLog{logger}, "", 0)
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	for _, protocols := range [][]string{{"h2"}, {"hunter2"}} {
		conn, err := tls.Dial("tcp", server.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: protocols})
		if err == nil {
			_, err = io.WriteString(conn, "GET /?token=hunter2 HTTP/1.1\r\nHost: hunter2\r\n\r\n")
			require.NoError(t, err)
			_, _ = io.Copy(io.Discard, conn)
			conn.Close()
		}
	}
	require.Eventually(t, func() bool { return strings.Count(text(), "\n") >= 2 }, processPatience, time.Millisecond)
	recordsOf(t, text())
	assert.NotContains(t, text(), "hunter2")
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// A deadlineRecorder has deadlines, as connections do.
type deadlineRecorder struct{ *httptest.ResponseRecorder }

func (deadlineRecorder) SetWriteDeadline(time.Time) error { return nil }

// TestObserve looks at the lines of the log about a request.
func TestObserve(t *testing.T) {
	var written bytes.Buffer
	logger, err := newLogger(&written, "json", "info")
	require.NoError(t, err)
	r := &router{http.NewServeMux(), map[string]route{}}
	users := capi.AuthorizerFunc(func(r *http.Request) error {
		capi.SetUser(r.Context(), capi.User{ID: 42, Username: "admin", Credential: "session"})
		return nil
	})
	list, err := capi.HandlerOptions{Logger: logger}.NewHandler(capi.Sessions{}, users)
	require.NoError(t, err)
	r.handle("shop.example.org", "list", "/list", list)
	r.handle("shop.example.org", "panics", "/panics", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		var none []int
		_ = none[len(none)]
	}))
	r.handle("shop.example.org", "raises", "/raises", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		panic(r.URL.RawQuery)
	}))
	handler := observe(r, newMetrics(nil, 0), trustedProxies{}, logger)
	ask := func(method, target, host, id string) (header http.Header, lines []map[string]any) {
		written.Reset()
		request := httptest.NewRequest(method, target, nil)
		request.Host = host
		request.Header.Set(requestIDHeader, id)
		w := deadlineRecorder{httptest.NewRecorder()}
		defer func() {
			if value := recover(); value != nil {
				require.Equal(t, http.ErrAbortHandler, value)
				header, lines = w.Header(), recordsOf(t, written.String())
			}
		}()
		handler.ServeHTTP(w, request)
		return w.Header(), recordsOf(t, written.String())
	}

	header, lines := ask("GET", "/list?token=hunter2", "Shop.Example.ORG.:8080", "0a-B.c_9")
	assert.Equal(t, "0a-B.c_9", header.Get(requestIDHeader))
	require.Len(t, lines, 2)
	for _, line := range lines {
		assert.Equal(t, "0a-B.c_9", line["request"])
		assert.Equal(t, "192.0.2.1", line["remote"])
	}
	assert.Equal(t, "capi: session list read", lines[0]["msg"])
	assert.EqualValues(t, 42, lines[0]["user"])
	assert.Equal(t, "admin", lines[0]["username"])
	assert.Equal(t, "GET", lines[1]["method"])
	assert.Equal(t, "list", lines[1]["route"])

	for _, id := range []string{"", "hunter2 ", "hunter2\n", "hunter2é", "hunter2" + strings.Repeat("x", 58)} {
		header, lines = ask("HUNTER2", "/list", "shop.example.org", id)
		assert.Regexp(t, "^[A-Z2-7]{26}$", header.Get(requestIDHeader))
		require.Len(t, lines, 1)
		assert.Equal(t, header.Get(requestIDHeader), lines[0]["request"])
		assert.Equal(t, "other", lines[0]["method"])
	}

	for path, want := range map[string]string{
		"/panics": "runtime error: index out of range [0] with length 0", "/raises?hunter2": "string",
	} {
		_, lines = ask("GET", path, "shop.example.org", "x")
		require.Len(t, lines, 2)
		assert.Equal(t, "panic", lines[0]["msg"])
		assert.Equal(t, want, lines[0]["error"])
		assert.Contains(t, lines[0]["stack"], "TestObserve")
		assert.Equal(t, true, lines[1]["cut"])
		assert.NotContains(t, written.String(), "hunter2")
	}
}

func TestCanonicalHost(t *testing.T) {
	for host, want := range map[string]string{
		"":                       "",
		"shop.example.org":       "shop.example.org",
		"SHOP.example.org":       "shop.example.org",
		"shop.example.org.":      "shop.example.org",
		"Shop.Example.org.:8080": "shop.example.org:8080",
		"[2001:DB8::1]:80":       "[2001:db8::1]:80",
	} {
		assert.Equal(t, want, canonicalHost(host), host)
	}
}
