package capi_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/capi-go/capi"
)

// discard is a ResponseWriter that keeps nothing.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) WriteHeader(int)             {}
func (d discard) Write(p []byte) (int, error) { return len(p), nil }

// SetWriteDeadline is for [http.ResponseController].
func (d discard) SetWriteDeadline(time.Time) error { return nil }

// TestHandlerAllocatesNothingPerSession compares lists of two lengths, so that
// the costs of a request do not count.
func TestHandlerAllocatesNothingPerSession(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	const few, many = 100, 1_100
	tests := []struct {
		name    string
		session capi.Session
	}{
		{"guest", capi.Session{ID: "0i6fcirbg5vdgmjadiuc6gl4dh", Guest: true, Time: time.Unix(1795489075, 0)}},
		{"user", capi.Session{
			ID: "0i6fcirbg5vdgmjadiuc6gl4dh", ClientID: capi.ClientAdministrator, Time: time.Unix(1795489075, 0),
			Data: bytes.Repeat([]byte(`s:5:"a/b";é`), 200), UserID: 1 << 40, Username: "Ærøskøbing",
		}},
		{"worst strings of the columns", capi.Session{
			ID: strings.Repeat("\x01", 192), Data: bytes.Repeat([]byte("\x01"), 4<<10), Username: strings.Repeat("😀", 150),
		}},
		{"no UTF-8", capi.Session{ID: "\xff", Data: bytes.Repeat([]byte("\xff\xc3"), 1<<10), Username: "\xff"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			allocs := func(n int) float64 {
				handler := capi.NewHandler(repeated(tt.session, n), answering(nil))
				r := httptest.NewRequest("GET", "/", nil)
				w := discard{header: http.Header{}}
				return testing.AllocsPerRun(5, func() { handler.ServeHTTP(w, r) })
			}
			request, more := allocs(few), allocs(many)
			t.Logf("%.0f allocations for a list of %d, %.0f for one of %d", request, few, more, many)
			// A garbage collection during the run may empty the pool of
			// buffers, which costs an allocation or two.
			assert.LessOrEqual(t, more-request, 5.0, "allocations for %d sessions more", many-few)
			assert.Less(t, request, 60.0, "allocations for a request")
		})
	}
}

func TestHandlerReusesBuffer(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector drops what is pooled at random")
	}
	handler := capi.NewHandler(repeated(capi.Session{Data: make(capi.Payload, 1<<10)}, 100), answering(nil))
	r, w := httptest.NewRequest("GET", "/", nil), discard{header: http.Header{}}
	const requests = 100
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range requests {
		handler.ServeHTTP(w, r)
	}
	runtime.ReadMemStats(&after)
	assert.Less(t, (after.TotalAlloc-before.TotalAlloc)/requests, uint64(8<<10), "bytes for a request")
}
