package capi_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

func TestHandlerFailsWhenContextEnds(t *testing.T) {
	// A store that should report that its context has ended, but does not.
	silent := capi.StoreFunc(func(ctx context.Context) iter.Seq2[capi.Session, error] {
		return func(yield func(capi.Session, error) bool) {
			if yield(capi.Session{ID: "a"}, nil) {
				<-ctx.Done()
			}
		}
	})
	deadline, cancelDeadline := context.WithDeadline(t.Context(), time.Unix(1, 0))
	defer cancelDeadline()
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		name  string
		ctx   context.Context
		store capi.Store
		level string
		cause error
	}{
		{"deadline", deadline, capi.Sessions{{ID: "a"}}, "ERROR", context.DeadlineExceeded},
		{"deadline and a silent store", deadline, silent, "ERROR", context.DeadlineExceeded},
		{"client left", cancelled, capi.Sessions{{ID: "a"}}, "INFO", context.Canceled},
		{"client left and a silent store", cancelled, silent, "INFO", context.Canceled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			config, logs := logged()
			w := httptest.NewRecorder()
			r := httptest.NewRequest("GET", "/", nil).WithContext(tt.ctx)
			newHandler(t, config, tt.store, answering(nil)).ServeHTTP(w, r)
			assert.Equal(t, 500, w.Code)
			assert.NotContains(t, w.Body.String(), "session_id")
			assert.Contains(t, logs.String(), `"level":"`+tt.level+`"`)
			assert.Contains(t, logs.String(), tt.cause.Error())
		})
	}
}

func TestHandlerSendsChunks(t *testing.T) {
	tests := []struct {
		name     string
		sessions capi.Sessions
	}{
		{"many sessions", repeated(capi.Session{ID: "id", Data: bytes.Repeat([]byte("a/"), 1<<10)}, 5000)},
		{"a large payload", capi.Sessions{{Data: bytes.Repeat([]byte("é"), 5<<20)}}},
		{"a large payload that grows much", capi.Sessions{{Data: make(capi.Payload, 2<<20)}}},
		{"a large username", capi.Sessions{{Username: strings.Repeat("\x01", 2<<20)}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := &chunks{header: http.Header{}}
			capi.NewHandler(tt.sessions, answering(nil)).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
			require.Greater(t, len(w.sizes), 100)
			for i, size := range w.sizes {
				require.LessOrEqual(t, size, 80<<10)
				if i < len(w.sizes)-1 {
					require.GreaterOrEqual(t, size, 32<<10)
				}
			}
		})
	}
}

func TestHandlerStopsAfterFailedWrite(t *testing.T) {
	for name, size := range map[string]int{"between sessions": 1 << 10, "within a session": 1 << 20} {
		t.Run(name, func(t *testing.T) {
			var ctxErr error
			yielded, after := 0, 0
			store := capi.StoreFunc(func(ctx context.Context) iter.Seq2[capi.Session, error] {
				return func(yield func(capi.Session, error) bool) {
					defer func() { ctxErr = ctx.Err() }()
					for yielded = range 1000 {
						if !yield(capi.Session{Data: make(capi.Payload, size)}, nil) {
							return
						}
						if ctx.Err() != nil {
							after++
						}
					}
				}
			})
			config, logs := logged()
			w := &chunks{header: http.Header{}, err: errors.New("broken pipe")}
			assert.PanicsWithError(t, http.ErrAbortHandler.Error(), func() {
				newHandler(t, config, store, answering(nil)).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
			})
			assert.Less(t, yielded, 100)
			assert.Zero(t, after)
			assert.Len(t, w.sizes, 2, "nothing is written after an error")
			assert.ErrorIs(t, ctxErr, context.Canceled, "the query should be dropped rather than read to its end")
			assert.Contains(t, logs.String(), "broken pipe")
			assert.NotContains(t, logs.String(), `"level":"ERROR"`)
		})
	}
}

func TestHandlerPanicsAmidList(t *testing.T) {
	config, logs := logged()
	w := httptest.NewRecorder() // It has no deadlines.
	assert.PanicsWithError(t, http.ErrAbortHandler.Error(), func() {
		newHandler(t, config, failing(100, 4<<10, errors.New("the cause")), answering(nil)).
			ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	})
	assert.Equal(t, 200, w.Code)
	assert.False(t, json.Valid(w.Body.Bytes()))
	assert.NotContains(t, w.Body.String(), "the cause")
	assert.Contains(t, logs.String(), `"level":"ERROR"`)
	assert.Contains(t, logs.String(), "the cause")
}

// recovering is a middleware that many services have.
func recovering(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { _ = recover() }()
		next.ServeHTTP(w, r)
	})
}

// plain hides the optional methods of a ResponseWriter.
func plain(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(struct{ http.ResponseWriter }{w}, r)
	})
}

func TestHandlerCutsList(t *testing.T) {
	errDown := errors.New("the database went away")
	panics := capi.StoreFunc(func(ctx context.Context) iter.Seq2[capi.Session, error] {
		return func(yield func(capi.Session, error) bool) {
			for session := range failing(100, 4<<10, nil).Sessions(ctx) {
				if session.ID == "" {
					panic("a fault of the store")
				}
				if !yield(session, nil) {
					return
				}
			}
		}
	})
	bare := func(next http.Handler) http.Handler { return next }
	tests := []struct {
		name  string
		store capi.Store
		wrap  func(http.Handler) http.Handler
		http2 bool
		// whole reports whether the transport ends in an orderly way, so that
		// only the JSON shows the cut.
		whole bool
	}{
		{"error", failing(100, 4<<10, errDown), bare, false, false},
		{"error in HTTP/2", failing(100, 4<<10, errDown), bare, true, false},
		{"error recovered from", failing(100, 4<<10, errDown), recovering, false, false},
		{"error recovered from in HTTP/2", failing(100, 4<<10, errDown), recovering, true, false},
		{"error after one chunk recovered from", failing(18, 4<<10, errDown), recovering, false, false},
		{"error without deadlines", failing(100, 4<<10, errDown), plain, false, false},
		{"error without deadlines recovered from", failing(100, 4<<10, errDown),
			func(next http.Handler) http.Handler { return recovering(plain(next)) }, false, true},
		{"panic", panics, bare, false, false},
		{"panic recovered from", panics, recovering, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			config, _ := logged()
			server := serve(t, tt.wrap(newHandler(t, config, tt.store, answering(nil))), tt.http2)
			response, err := server.Client().Get(server.URL)
			if err != nil {
				assert.False(t, tt.whole)
				return // A cut before the first byte arrived is as good.
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			switch {
			case tt.whole:
				require.NoError(t, err)
			case tt.http2:
				require.Error(t, err)
			default:
				require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			}
			assert.Equal(t, 200, response.StatusCode)
			assert.False(t, json.Valid(body))
			assert.NotContains(t, string(body), errDown.Error())
			assert.NotContains(t, string(body), "Internal server error")
		})
	}
}

func TestHandlerPassesStorePanic(t *testing.T) {
	store := capi.StoreFunc(func(context.Context) iter.Seq2[capi.Session, error] { panic("a fault of the store") })
	handler := capi.NewHandler(store, answering(nil))
	w := httptest.NewRecorder()
	assert.PanicsWithValue(t, "a fault of the store", func() {
		handler.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	}, "the panics of others are theirs to handle")
	assert.Empty(t, w.Body.String())

	server := serve(t, handler, false)
	_, err := server.Client().Get(server.URL)
	assert.Error(t, err)
}

func TestHandlerKeepsConnection(t *testing.T) {
	const stall = 50 * time.Millisecond
	config := capi.HandlerOptions{StallTimeout: stall}
	handler := newHandler(t, config, failing(0, 0, errors.New("unused")), answering(capi.ErrForbidden))
	list := newHandler(t, config, repeated(capi.Session{Data: make(capi.Payload, 4<<10)}, 100), answering(nil))
	connections := map[string]bool{}
	server := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		connections[r.RemoteAddr] = true
		if r.URL.Path == "/list" {
			list.ServeHTTP(w, r)
			return
		}
		<-time.After(2 * stall) // The deadline of the previous list must not apply to this answer.
		handler.ServeHTTP(w, r)
	}), false)
	for _, path := range []string{"/list", "/", "/list", "/"} {
		response, err := server.Client().Get(server.URL + path)
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		assert.True(t, json.Valid(body))
	}
	assert.Len(t, connections, 1)
}

// endless returns a Store without an end, and a channel that is closed when the
// first range over it has ended.
func endless() (capi.Store, <-chan struct{}) {
	ended := make(chan struct{})
	return capi.StoreFunc(func(context.Context) iter.Seq2[capi.Session, error] {
		return func(yield func(capi.Session, error) bool) {
			defer close(ended)
			for session := (capi.Session{Data: make(capi.Payload, 8<<10)}); yield(session, nil); {
			}
		}
	}), ended
}

func TestHandlerDropsStalledClient(t *testing.T) {
	store, ended := endless()
	var logs lockedBuffer
	config := capi.HandlerOptions{StallTimeout: 50 * time.Millisecond, Logger: slog.New(slog.NewJSONHandler(&logs, nil))}
	returned := make(chan struct{})
	handler := newHandler(t, config, store, answering(nil))
	server := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(returned)
		handler.ServeHTTP(w, r)
	}), false)
	connection, err := net.Dial("tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	defer connection.Close()
	_, err = io.WriteString(connection, "GET / HTTP/1.1\r\nHost: site.example\r\n\r\n")
	require.NoError(t, err)
	within(t, ended, "the range over the store went on")
	within(t, returned, "the handler did not return")
	assert.Contains(t, logs.String(), "cut short")
	assert.Contains(t, logs.String(), `"level":"INFO"`)

	require.NoError(t, connection.SetReadDeadline(time.Now().Add(20*time.Second)))
	answer, _ := io.ReadAll(connection)
	assert.False(t, bytes.HasSuffix(answer, []byte("0\r\n\r\n")), "an orderly end")
}

func TestHandlerCancelsQuery(t *testing.T) {
	started, cancelled := make(chan struct{}), make(chan struct{})
	store := capi.StoreFunc(func(ctx context.Context) iter.Seq2[capi.Session, error] {
		return func(yield func(capi.Session, error) bool) {
			for range 20 {
				if !yield(capi.Session{Data: make(capi.Payload, 4<<10)}, nil) {
					return
				}
			}
			close(started)
			<-ctx.Done()
			close(cancelled)
			yield(capi.Session{}, ctx.Err())
		}
	})
	var logs lockedBuffer
	config := capi.HandlerOptions{Logger: slog.New(slog.NewJSONHandler(&logs, nil))}
	returned := make(chan struct{})
	handler := newHandler(t, config, store, answering(nil))
	server := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(returned)
		handler.ServeHTTP(w, r)
	}), false)
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	request, err := http.NewRequestWithContext(ctx, "GET", server.URL, nil)
	require.NoError(t, err)
	response, err := server.Client().Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	within(t, started, "the list did not begin")
	leave()
	within(t, cancelled, "the context of the store did not end")
	within(t, returned, "the handler did not return")
	assert.Contains(t, logs.String(), `"level":"INFO"`)
	assert.NotContains(t, logs.String(), `"level":"ERROR"`)
}

func TestHandlerServesManyAtOnce(t *testing.T) {
	sessions := repeated(capi.Session{ID: "id", Data: bytes.Repeat([]byte("é/"), 1<<10)}, 50)
	handler := capi.NewHandler(sessions, answering(nil))
	want := httptest.NewRecorder()
	handler.ServeHTTP(want, httptest.NewRequest("GET", "/", nil))
	var group sync.WaitGroup
	for range 8 {
		group.Add(1)
		go func() {
			defer group.Done()
			for range 8 {
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
				assert.True(t, bytes.Equal(want.Body.Bytes(), w.Body.Bytes()))
			}
		}()
	}
	group.Wait()
}

func TestHandlerNilIterator(t *testing.T) {
	config, logs := logged()
	store := capi.StoreFunc(func(context.Context) iter.Seq2[capi.Session, error] { return nil })
	w := serveOnce(newHandler(t, config, store, answering(nil)))
	assert.Equal(t, http.StatusInternalServerError, w.Code)
	assert.Contains(t, logs.String(), "the Store returned a nil iterator")
}

// In HTTP/1.0, closing the connection ends an answer, so it must break.
func TestHandlerBreaksHTTP10(t *testing.T) {
	for _, fails := range []bool{false, true} {
		store := capi.Store(repeated(capi.Session{Data: make(capi.Payload, 4<<10)}, 100))
		if fails {
			store = failing(100, 4<<10, errors.New("down"))
		}
		for name, wrap := range map[string]func(http.Handler) http.Handler{
			"as it is": func(next http.Handler) http.Handler { return next }, "recovered from": recovering,
		} {
			for _, https := range []bool{false, true} {
				config, _ := logged()
				server := httptest.NewUnstartedServer(wrap(newHandler(t, config, store, answering(nil))))
				server.Config.ErrorLog = log.New(io.Discard, "", 0)
				var connection net.Conn
				var err error
				if https {
					server.StartTLS()
					connection, err = tls.Dial("tcp", server.Listener.Addr().String(), server.Client().Transport.(*http.Transport).TLSClientConfig)
				} else {
					server.Start()
					connection, err = net.Dial("tcp", server.Listener.Addr().String())
				}
				require.NoError(t, err)
				_, err = io.WriteString(connection, "GET / HTTP/1.0\r\n\r\n")
				require.NoError(t, err)
				answer, err := io.ReadAll(connection)
				assert.Equal(t, fails, err != nil, "%s, HTTPS=%v: %v", name, https, err)
				assert.Equal(t, !fails, bytes.HasSuffix(answer, []byte(`"status":200}`)))
				_ = connection.Close()
				server.Close()
			}
		}
	}
}

// A list that fits into one write has a length, so that it takes one write less
// and no client takes a part for the whole. A longer one has none.
func TestHandlerLength(t *testing.T) {
	for n, want := range map[int]bool{0: true, 10: true, 1_000: false} {
		handler := capi.NewHandler(repeated(capi.Session{ID: "a", Data: make(capi.Payload, 100)}, n), answering(nil))
		w := serveOnce(handler)
		length := w.Header().Get("Content-Length")
		assert.Equal(t, want, length == strconv.Itoa(w.Body.Len()), "%d sessions: %q", n, length)
		assert.Equal(t, want, length != "", "%d sessions", n)
	}
}
