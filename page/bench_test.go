package page_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/page"
)

func BenchmarkFeed(b *testing.B) {
	sessions := make(capi.Sessions, 1000)
	for i := range sessions {
		sessions[i] = capi.Session{ID: "4d1f9f1c", UserID: int64(i), Username: "zoe", Data: userData("42", "Firefox", time.Now(), time.Now())}
	}
	handler := newHandler(b, page.Site{Store: sessions, Auth: answering(nil)})
	b.Run("rows=1000", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			handler.ServeHTTP(discard{http.Header{}}, httptest.NewRequest(http.MethodGet, "/feed", nil))
		}
	})
}

// discard is a ResponseWriter that keeps nothing.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

// SetWriteDeadline is for [http.ResponseController].
func (d discard) SetWriteDeadline(time.Time) error { return nil }
