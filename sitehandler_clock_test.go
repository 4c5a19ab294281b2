//go:build go1.25

package capi_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

// A followed is a SiteHandler whose configuration is set by a test.
type followed struct {
	*capi.SiteHandler
	log *lockedBuffer

	mu             sync.Mutex
	config         capi.SiteConfig
	loadErr        error
	loading        func() // called by load
	openErr        error
	opening        func(capi.SiteConfig) // called by open
	closing        func() error
	serving        func(capi.SiteConfig) // called by requests
	loads, opened  atomic.Int64
	closed, beside atomic.Int64 // beside is how many loads and opens run at the moment
}

func newFollowed(t *testing.T) *followed {
	f := &followed{log: new(lockedBuffer), config: capi.SiteConfig{DBPrefix: "a", Secret: capi.NewSecret("s3cret")}}
	logger := slog.New(slog.NewJSONHandler(f.log, nil))
	f.SiteHandler = capi.SiteHandlerOptions{Logger: logger}.NewSiteHandler(f.load, f.open)
	t.Cleanup(func() {
		require.NoError(t, f.Shutdown(context.Background()))
		assert.Equal(t, f.opened.Load(), f.closed.Load(), "what was opened is closed")
	})
	return f
}

func (f *followed) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *followed) load() (capi.SiteConfig, error) {
	defer f.alone()()
	f.loads.Add(1)
	f.mu.Lock()
	config, err, loading := f.config, f.loadErr, f.loading
	f.mu.Unlock()
	if loading != nil {
		loading()
	}
	return config, err
}

func (f *followed) open(config capi.SiteConfig) (http.Handler, func() error, error) {
	defer f.alone()()
	f.mu.Lock()
	err, opening, closing, serving := f.openErr, f.opening, f.closing, f.serving
	f.mu.Unlock()
	if opening != nil {
		opening(config)
	}
	if err != nil {
		return nil, nil, err
	}
	f.opened.Add(1)
	var gone atomic.Bool
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if serving != nil {
			serving(config)
		}
		if gone.Load() {
			panic("closed while it is used")
		}
		_, _ = w.Write([]byte(config.DBPrefix))
	})
	return handler, func() error {
		if gone.Swap(true) {
			panic("closed twice")
		}
		f.closed.Add(1)
		if closing != nil {
			return closing()
		}
		return nil
	}, nil
}

// alone panics if two looks run at once.
func (f *followed) alone() func() {
	if f.beside.Add(1) > 1 {
		panic("two looks at once")
	}
	return func() { f.beside.Add(-1) }
}

const unavailable = `{"msg":"Service unavailable.","error":true,"status":503}`

// TestSiteHandlerLooks counts how often the configuration is read.
func TestSiteHandlerLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFollowed(t)
		f.set(func() { f.loading = func() { time.Sleep(time.Millisecond) } })
		var group sync.WaitGroup
		for range 1000 {
			group.Go(func() { assert.Equal(t, "a", bodyOf(t.Context(), f)) })
		}
		group.Wait()
		assert.EqualValues(t, 1, f.loads.Load(), "all wait for the same look")
		f.set(func() { f.config.DBPrefix = "b" })
		time.Sleep(198 * time.Millisecond)
		assert.Equal(t, "a", bodyOf(t.Context(), f))
		assert.EqualValues(t, 1, f.loads.Load())
		time.Sleep(time.Millisecond)
		assert.Equal(t, "b", bodyOf(t.Context(), f))
		for range 10_000 {
			bodyOf(t.Context(), f)
			time.Sleep(time.Millisecond)
		}
		assert.InDelta(t, 50, f.loads.Load(), 2)
		assert.EqualValues(t, 2, f.opened.Load())
		loads := f.loads.Load()
		time.Sleep(time.Hour)
		assert.Equal(t, loads, f.loads.Load(), "nothing looks without requests")
		assert.Equal(t, []string{`"capi: site configuration changed","fields":["DBPrefix"]}`}, messages(f.log.String()))
	})
}

// messages returns the messages of a log.
func messages(log string) (all []string) {
	for line := range strings.Lines(log) {
		_, message, _ := strings.Cut(strings.TrimSuffix(line, "\n"), `"msg":`)
		all = append(all, message)
	}
	return all
}

// TestSiteHandlerSlowLooks makes a look take longer than it is valid: each
// request still gets a configuration that was read after it came.
func TestSiteHandlerSlowLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFollowed(t)
		f.set(func() { f.loading = func() { time.Sleep(500 * time.Millisecond) } })
		var group sync.WaitGroup
		group.Go(func() { assert.Equal(t, "a", bodyOf(t.Context(), f)) })
		time.Sleep(300 * time.Millisecond)
		f.set(func() { f.config.DBPrefix = "b" }) // After the look has read it.
		group.Go(func() { assert.Equal(t, "b", bodyOf(t.Context(), f)) })
		group.Wait()
		assert.EqualValues(t, 2, f.loads.Load())
	})
}

func TestSiteHandlerCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFollowed(t)
		require.NoError(t, f.Check(t.Context()))
		f.set(func() { f.config.DBPrefix = "b" })
		require.NoError(t, f.Check(t.Context()), "in the same moment")
		assert.Equal(t, "b", bodyOf(t.Context(), f))

		// A running look may have read the old configuration.
		goOn := make(chan struct{})
		f.set(func() { f.loading = func() { <-goOn } })
		var group sync.WaitGroup
		group.Go(func() { assert.NoError(t, f.Check(t.Context())) })
		synctest.Wait()
		f.set(func() { f.config.DBPrefix, f.loading = "c", nil })
		group.Go(func() {
			assert.NoError(t, f.Check(t.Context()))
			assert.Equal(t, "c", bodyOf(t.Context(), f))
		})
		synctest.Wait()
		close(goOn)
		group.Wait()
		f.set(func() { f.loadErr = errors.New("gone") })
		require.EqualError(t, f.Check(t.Context()), "gone")
	})
}

// TestSiteHandlerKeepsRequests changes the configuration under a request.
func TestSiteHandlerKeepsRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFollowed(t)
		finish := make(chan struct{})
		f.set(func() {
			f.serving = func(config capi.SiteConfig) {
				if config.DBPrefix == "a" {
					<-finish
				}
			}
			f.closing = func() error { // No request waits for it.
				time.Sleep(time.Hour)
				return errors.New("closing failed")
			}
		})
		var group sync.WaitGroup
		group.Go(func() { assert.Equal(t, "a", bodyOf(t.Context(), f)) })
		synctest.Wait()
		current, release, err := f.Acquire(t.Context())
		require.NoError(t, err)
		f.set(func() { f.config.DBPrefix = "b" })
		require.NoError(t, f.Check(t.Context()))
		assert.Equal(t, "b", bodyOf(t.Context(), f))
		f.set(func() { f.loadErr = errors.New("gone") })
		require.Error(t, f.Check(t.Context()))
		close(finish)
		group.Wait()
		synctest.Wait()
		assert.Zero(t, f.closed.Load(), "it is still used")
		assert.Equal(t, "a", bodyOf(t.Context(), current))
		before := time.Now()
		release()
		release()
		f.set(func() { f.loadErr = nil })
		require.NoError(t, f.Check(t.Context()))
		assert.Equal(t, "b", bodyOf(t.Context(), f))
		assert.Equal(t, before, time.Now())
		synctest.Wait()
		assert.EqualValues(t, 1, f.closed.Load())
		time.Sleep(2 * time.Hour)
		assert.Contains(t, f.log.String(), `"capi: closing a site that is no longer used","error":"closing failed"`)
		assert.EqualValues(t, 2, f.opened.Load(), "what was only unreadable goes on")
	})
}

// TestSiteHandlerFails makes load and open fail, and recover.
func TestSiteHandlerFails(t *testing.T) {
	const changed, again = `"capi: site configuration changed","fields":["DBPrefix"]}`, `"capi: site can be served again"}`
	for name, test := range map[string]struct {
		fail, mend func(*followed)
		want       string
		opened     int64
		log        []string
	}{
		"load fails": {
			func(f *followed) { f.loadErr = errors.New("half written") }, func(f *followed) { f.loadErr = nil },
			"a", 1, []string{`"capi: site cannot be served","error":"half written"}`, again},
		},
		"load panics": {
			func(f *followed) { f.loading = func() { panic("oops") } }, func(f *followed) { f.loading = nil },
			"a", 1, []string{`"capi: site cannot be served","error":"capi: panic: oops","stack":`, again},
		},
		"open fails": {
			func(f *followed) { f.config.DBPrefix, f.openErr = "b", errors.New("no driver") }, func(f *followed) { f.openErr = nil },
			"b", 2, []string{`"capi: site cannot be served","error":"no driver"}`, changed, again},
		},
		"open fails, and what was before comes back": {
			func(f *followed) { f.config.DBPrefix, f.openErr = "b", errors.New("no driver") },
			func(f *followed) { f.config.DBPrefix, f.openErr = "a", nil },
			"a", 2, []string{`"capi: site cannot be served","error":"no driver"}`, again},
		},
		"open panics": {
			func(f *followed) {
				f.config.DBPrefix, f.opening = "b", func(capi.SiteConfig) { panic(errors.New("oops")) }
			},
			func(f *followed) { f.opening = nil },
			"b", 2, []string{`"capi: site cannot be served","error":"capi: panic: oops","stack":`, changed, again},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFollowed(t)
				require.Equal(t, "a", bodyOf(t.Context(), f))
				f.set(func() { test.fail(f) })
				time.Sleep(200 * time.Millisecond)
				for range 10_000 {
					require.Equal(t, unavailable, bodyOf(t.Context(), f))
					time.Sleep(time.Millisecond)
				}
				f.set(func() { test.mend(f) })
				time.Sleep(200 * time.Millisecond)
				require.Equal(t, test.want, bodyOf(t.Context(), f))
				require.Equal(t, test.opened, f.opened.Load())
				log := messages(f.log.String())
				require.Len(t, log, len(test.log), "%s", log)
				for i, want := range test.log {
					assert.Contains(t, log[i], want)
				}
			})
		})
	}
}

// TestSiteHandlerFailsAtFirst begins with a site that cannot be served.
func TestSiteHandlerFailsAtFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFollowed(t)
		f.set(func() { f.loadErr = errors.New("gone") })
		assert.Equal(t, unavailable, bodyOf(t.Context(), f))
		f.set(func() { f.loadErr = nil })
		time.Sleep(200 * time.Millisecond)
		assert.Equal(t, "a", bodyOf(t.Context(), f))
		assert.Equal(t, []string{`"capi: site cannot be served","error":"gone"}`, `"capi: site can be served again"}`}, messages(f.log.String()))

		none := capi.SiteHandlerOptions{Logger: slog.New(slog.DiscardHandler)}.NewSiteHandler(f.load, func(capi.SiteConfig) (http.Handler, func() error, error) { return nil, nil, nil })
		require.EqualError(t, none.Check(t.Context()), "capi: the function open of a SiteHandler returned a nil Handler")
		require.NoError(t, none.Shutdown(t.Context()))
	})
}

// TestSiteHandlerHangs has a file on a file system that does not answer.
func TestSiteHandlerHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFollowed(t)
		goOn := make(chan struct{})
		f.set(func() { f.loading = func() { <-goOn } })
		begun := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, f.Check(ctx), context.DeadlineExceeded)
		assert.Equal(t, time.Second, time.Since(begun), "nobody waits longer than he wants to")
		var group sync.WaitGroup
		for range 100 {
			group.Go(func() { assert.Equal(t, unavailable, bodyOf(t.Context(), f)) })
		}
		group.Wait()
		assert.Equal(t, 2*time.Second, time.Since(begun), "nor than there is hope")
		assert.Equal(t, unavailable, bodyOf(t.Context(), f))
		assert.Equal(t, 2*time.Second, time.Since(begun))
		assert.EqualValues(t, 1, f.loads.Load())

		close(goOn)
		synctest.Wait()
		assert.Equal(t, "a", bodyOf(t.Context(), f))
		assert.Equal(t, []string{
			`"capi: site cannot be served","error":"capi: reading and opening a site configuration takes too long"}`,
			`"capi: site can be served again"}`,
		}, messages(f.log.String()))
	})
}

func TestSiteHandlerShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFollowed(t)
		goOn, finish := make(chan struct{}), make(chan struct{})
		f.set(func() { f.serving = func(capi.SiteConfig) { <-finish } })
		var group sync.WaitGroup
		group.Go(func() { assert.Equal(t, "a", bodyOf(t.Context(), f)) })
		synctest.Wait()
		f.set(func() { f.loading, f.config.DBPrefix = func() { <-goOn }, "b" })
		group.Go(func() { assert.ErrorContains(t, f.Check(t.Context()), "shut down") })
		synctest.Wait()
		shutdown := func(want error) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			defer cancel()
			require.ErrorIs(t, f.Shutdown(ctx), want)
		}
		shutdown(context.DeadlineExceeded)
		assert.Equal(t, unavailable, bodyOf(t.Context(), f))
		close(finish)
		shutdown(context.DeadlineExceeded)
		assert.EqualValues(t, 1, f.closed.Load())
		close(goOn)
		shutdown(nil)
		group.Wait()
		assert.EqualValues(t, 2, f.closed.Load(), "what was opened meanwhile is closed")
		shutdown(nil)
	})
}

// TestSiteHandlerMany makes many requests during many changes.
func TestSiteHandlerMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFollowed(t)
		f.set(func() { f.serving = func(capi.SiteConfig) { time.Sleep(time.Second) } })
		var group sync.WaitGroup
		for i := range 100 {
			prefix := strings.Repeat("x", i+1)
			f.set(func() { f.config.DBPrefix = prefix })
			time.Sleep(201 * time.Millisecond)
			for range 10 {
				group.Go(func() { assert.Equal(t, prefix, bodyOf(t.Context(), f)) })
			}
			synctest.Wait()
		}
		group.Wait()
		synctest.Wait()
		assert.EqualValues(t, 100, f.opened.Load())
		assert.EqualValues(t, 99, f.closed.Load())
	})
}
