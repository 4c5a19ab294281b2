package capi_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

// generated returns a Store of n sessions with size bytes of data each, which it makes as they are asked for.
func generated(n, size int) capi.Store {
	data := bytes.Repeat([]byte(`s:15:"session.counter";i:1;`), size/27+1)[:size]
	return capi.StoreFunc(func(ctx context.Context) iter.Seq2[capi.Session, error] {
		return func(yield func(capi.Session, error) bool) {
			for i := range n {
				session := capi.Session{
					ID: fmt.Sprintf("%032x", i), ClientID: capi.ClientSite, Time: time.Unix(1795489075, 0), Data: data,
					UserID: int64(i), Username: "user " + strconv.Itoa(i),
				}
				if !yield(session, nil) {
					return
				}
			}
		}
	})
}

// ending counts the bytes that are written to it and keeps the last of them.
type ending struct {
	size int64
	last []byte
}

func (e *ending) Write(p []byte) (int, error) {
	e.size += int64(len(p))
	e.last = append(e.last, p[max(0, len(p)-64):]...)
	e.last = append(e.last[:0], e.last[max(0, len(e.last)-64):]...)
	return len(p), nil
}

// A list of 400 MB passes through server and client, both in this process, with a heap of a few MB.
func TestMemoryDoesNotGrowWithTheList(t *testing.T) {
	if testing.Short() {
		t.Skip("moves 400 MB")
	}
	n, limit := 200_000, uint64(16<<20)
	if raceEnabled {
		n = 20_000 // Still more than twice the limit, at a tenth of the speed.
	}
	server := serve(t, capi.NewHandler(generated(n, 2<<10), answering(nil)), false)

	var end ending
	requireFlatHeap(t, limit, func() {
		response, err := server.Client().Get(server.URL)
		require.NoError(t, err)
		defer response.Body.Close()
		_, err = io.CopyBuffer(&end, struct{ io.Reader }{response.Body}, make([]byte, 32<<10))
		require.NoError(t, err)
	})
	assert.True(t, bytes.HasSuffix(end.last, []byte(`],"error":false,"status":200}`)), "%s", end.last)
	assert.Greater(t, end.size, int64(n)*(2<<10))
}

// The same list passes through a Client.
func TestClientMemoryDoesNotGrowWithTheList(t *testing.T) {
	if testing.Short() {
		t.Skip("moves 400 MB")
	}
	n, limit := 200_000, uint64(16<<20)
	if raceEnabled {
		n = 20_000
	}
	server := serve(t, capi.NewHandler(generated(n, 2<<10), answering(nil)), false)
	client := newClient(t, server.URL, capi.ClientConfig{})
	count, size := 0, 0
	requireFlatHeap(t, limit, func() {
		for session, err := range client.Sessions(t.Context()) {
			require.NoError(t, err)
			count++
			size += len(session.Data)
		}
	})
	assert.Equal(t, n, count)
	assert.Equal(t, n*(2<<10), size)
}

// requireFlatHeap checks that the heap stays below limit while do is at work.
func requireFlatHeap(t *testing.T, limit uint64, do func()) {
	t.Helper()
	// What other tests left behind is not of interest.
	debug.FreeOSMemory()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	before, collections := memory.HeapInuse, memory.NumGC

	var alloc, inUse uint64
	samples := 0
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			var memory runtime.MemStats
			runtime.ReadMemStats(&memory)
			alloc, inUse = max(alloc, memory.HeapAlloc), max(inUse, memory.HeapInuse)
			samples++
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	}()
	began := time.Now()
	do()
	took := time.Since(began)
	close(stop)
	<-stopped

	assert.Greater(t, samples, 10)
	runtime.ReadMemStats(&memory)
	t.Logf("%v: heap at most %.1f MiB allocated, %.1f MiB in use (%.1f MiB before), %d collections",
		took.Round(time.Millisecond), float64(alloc)/(1<<20), float64(inUse)/(1<<20), float64(before)/(1<<20), memory.NumGC-collections)
	assert.Less(t, alloc, limit, "HeapAlloc")
	assert.Less(t, inUse, limit, "HeapInuse")
}
