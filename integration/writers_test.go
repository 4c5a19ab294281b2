package integration_test

import (
	"bufio"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/klauspost/compress/gzhttp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/internal/joomlatest"
)

// bareWriter is a response writer that hides everything but the interface: no
// Flusher, no deadlines.
type bareWriter struct{ writer http.ResponseWriter }

func (w bareWriter) Header() http.Header         { return w.writer.Header() }
func (w bareWriter) WriteHeader(status int)      { w.writer.WriteHeader(status) }
func (w bareWriter) Write(p []byte) (int, error) { return w.writer.Write(p) }

// hijackWriter is one that offers what it has by type, as those written before
// Go 1.20 do.
type hijackWriter struct{ bareWriter }

func (w hijackWriter) Flush() { w.writer.(http.Flusher).Flush() }
func (w hijackWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return w.writer.(http.Hijacker).Hijack()
}

// unwrapWriter is one that shows what it wraps, as http.ResponseController
// wants it.
type unwrapWriter struct{ bareWriter }

func (w unwrapWriter) Unwrap() http.ResponseWriter { return w.writer }

// wrappings are middlewares by what they put around the response writer.
func wrappings() map[string]func(http.Handler) http.Handler {
	around := func(wrap func(http.ResponseWriter) http.ResponseWriter) func(http.Handler) http.Handler {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(wrap(w), r) })
		}
	}
	return map[string]func(http.Handler) http.Handler{
		"none":             func(next http.Handler) http.Handler { return next },
		"no flush":         around(func(w http.ResponseWriter) http.ResponseWriter { return bareWriter{w} }),
		"flush and hijack": around(func(w http.ResponseWriter) http.ResponseWriter { return hijackWriter{bareWriter{w}} }),
		"unwrap":           around(func(w http.ResponseWriter) http.ResponseWriter { return unwrapWriter{bareWriter{w}} }),
		"gzip":             func(next http.Handler) http.Handler { return gzhttp.GzipHandler(next) },
		"timeout": func(next http.Handler) http.Handler {
			return http.TimeoutHandler(next, 30*time.Second, "too late")
		},
	}
}

func TestFaultWrappedResponseWriters(t *testing.T) {
	for name, wrap := range wrappings() {
		t.Run(name, func(t *testing.T) {
			nothingLeft(t)
			site := emptySite(t, sqlite(), joomlatest.Joomla42)
			site.fill(t, bigList)
			store := capi.NewSQLStore(site.capi(t, nil))

			whole := serve(t, capi.HandlerOptions{}, store, anyone, wrap).ask(t, nil)
			whole.requireList(t, bigList)
			assert.Equal(t, "application/json", whole.header.Get("Content-Type"))

			early := serve(t, capi.HandlerOptions{}, failing(3), anyone, wrap)
			early.ask(t, nil).requireRefused(t, http.StatusInternalServerError)

			service := serve(t, capi.HandlerOptions{}, failing(bigList), anyone, wrap)
			reply := service.ask(t, nil)
			require.Error(t, reply.err)
			_, ok := reply.isList()
			assert.False(t, ok)

			// A middleware that recovers may end the answer as if nothing had
			// happened. What is in it must still be no list.
			service = serve(t, capi.HandlerOptions{}, failing(bigList), anyone, wrap, recovering)
			reply = service.ask(t, nil)
			t.Logf("recovered: status %d, %d bytes, error %v", reply.status, len(reply.body), reply.err)
			_, ok = reply.isList()
			assert.False(t, ok)
			if name != "timeout" { // That one holds back the whole answer, and drops it.
				assert.NotEqual(t, http.StatusInternalServerError, reply.status)
			}
			requireIdle(t, site.DB)
		})
	}
}

// TestFaultWrappedClientStalls is about writers that support no deadlines:
// there stalls are the server's to end.
func TestFaultWrappedClientStalls(t *testing.T) {
	for name, wrap := range wrappings() {
		if name == "timeout" || name == "none" {
			continue // The first reads the list ahead of the client, and the second is tested on its own.
		}
		t.Run(name, func(t *testing.T) {
			nothingLeft(t)
			site := emptySite(t, sqlite(), joomlatest.Joomla42)
			site.fill(t, hugeList)
			service := serve(t, capi.HandlerOptions{StallTimeout: 200 * time.Millisecond}, capi.NewSQLStore(site.capi(t, nil)),
				anyone, wrap)
			response, err := request(t.Context(), newSmallClient(t), service.url, http.Header{"Accept-Encoding": {"identity"}})
			require.NoError(t, err)
			defer response.Body.Close()
			deadlines := name == "unwrap" || name == "gzip"
			if deadlines {
				requireIdle(t, site.DB)
				finish(response).requireCut(t)
			} else {
				require.Never(t, func() bool { return site.DB.Stats().InUse == 0 }, time.Second, 5*time.Millisecond)
				require.NoError(t, response.Body.Close())
				requireIdle(t, site.DB)
			}
		})
	}
}
