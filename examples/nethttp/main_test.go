package main

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/capi-go/capi/examples/internal/mounttest"
	"github.com/klauspost/compress/gzhttp"
	"github.com/stretchr/testify/assert"
)

func TestProgram(t *testing.T) { mounttest.Program(t) }

func TestLists(t *testing.T) { mounttest.Lists(t, mount) }

// A recovery that swallows every panic makes net/http end the answer in an
// orderly way, but the handler has made sure that the end cannot be sent.
func TestListsWithinCarelessRecovery(t *testing.T) {
	careless := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer func() {
				if recover() != nil {
					http.Error(w, "Internal server error.", http.StatusInternalServerError)
				}
			}()
			next.ServeHTTP(w, r)
		})
	}
	t.Run("around compression", func(t *testing.T) {
		mounttest.Lists(t, func(sessions http.Handler) http.Handler { return careless(gzhttp.GzipHandler(sessions)) })
	})
	t.Run("within compression", func(t *testing.T) {
		mounttest.Lists(t, func(sessions http.Handler) http.Handler { return gzhttp.GzipHandler(careless(sessions)) })
	})
}

func TestRecovery(t *testing.T) {
	recorder := httptest.NewRecorder()
	panics := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("a bug") })
	recovery(panics).ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/", nil))
	assert.Equal(t, http.StatusInternalServerError, recorder.Code)
	assert.NotContains(t, recorder.Body.String(), "a bug")
}
