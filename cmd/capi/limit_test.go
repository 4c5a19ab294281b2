package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/capi-go/capi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestLimit has lists that wait for their turns.
func TestLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimit(1, 2*time.Second)
		failed := func(_ context.Context, err error) error { return fmt.Errorf("failed: %w", err) }
		var order []int
		read := func(ctx context.Context, name int) error {
			_, err := capi.Collect(l.store(capi.Sessions{{ID: "a"}}, func(context.Context, error) error { return nil }).Sessions(ctx))
			order = append(order, name)
			return err
		}
		store := l.store(capi.Sessions{{ID: "a"}, {ID: "b"}}, failed)
		var group sync.WaitGroup
		for session := range store.Sessions(t.Context()) {
			if session.ID == "b" {
				break
			}
			assert.EqualValues(t, 1, l.running.Load())
			for i := range 3 {
				group.Go(func() { assert.NoError(t, read(t.Context(), i)) })
				synctest.Wait()
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			require.ErrorIs(t, read(ctx, 3), context.DeadlineExceeded)
			cancel()
		}
		group.Wait()
		assert.Equal(t, []int{3, 0, 1, 2}, order, "first come, first served")
		assert.Zero(t, l.running.Load())

		for range store.Sessions(t.Context()) {
			begun := time.Now()
			err := read(t.Context(), 4)
			require.ErrorIs(t, err, capi.ErrUnavailable)
			assert.Equal(t, 2*time.Second, time.Since(begun))
			break
		}
		cause := errors.New("cause")
		broken := capi.StoreFunc(func(context.Context) iter.Seq2[capi.Session, error] {
			return func(yield func(capi.Session, error) bool) { yield(capi.Session{}, cause) }
		})
		_, err := capi.Collect(l.store(broken, failed).Sessions(t.Context()))
		require.EqualError(t, err, "failed: cause")
	})
}

// TestLimitImpatient has lists that do not wait (--max-wait 0).
func TestLimitImpatient(t *testing.T) {
	store := newLimit(1, 0).store(capi.Sessions{{ID: "a"}}, func(_ context.Context, err error) error { return err })
	for _, err := range store.Sessions(t.Context()) {
		require.NoError(t, err, "a free turn needs no wait")
		_, err := capi.Collect(store.Sessions(t.Context()))
		require.ErrorIs(t, err, capi.ErrUnavailable)
	}
}

// TestLimitKeep has a request that reads two lists while another waits.
func TestLimitKeep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimit(1, 2*time.Second)
		store := l.store(capi.Sessions{{ID: "a"}}, func(_ context.Context, err error) error { return err })
		var group sync.WaitGroup
		handler := l.keep(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			for _, err := range store.Sessions(r.Context()) {
				require.NoError(t, err)
				group.Go(func() {
					for _, err := range store.Sessions(t.Context()) {
						assert.NoError(t, err, "the turn is released")
						time.Sleep(3 * time.Second)
					}
				})
				synctest.Wait()
			}
			_, err := capi.Collect(store.Sessions(r.Context()))
			require.NoError(t, err, "it has its turn")
			panic(http.ErrAbortHandler)
		}))
		assert.Panics(t, func() { handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)) })
		group.Wait()
		assert.True(t, l.turns.TryAcquire(1))
	})
}

// TestLimitAnswers has a server that can still answer who has waited in vain.
func TestLimitAnswers(t *testing.T) {
	o := serveOptions{addr: "127.0.0.1:0", maxWait: time.Hour}
	servers, err := newServers(t.Context(), o, nil, nil, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	servers.close()
	assert.Greater(t, servers.all[0].WriteTimeout, o.maxWait)
}
