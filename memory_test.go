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

// A list of 40 MB passes through a server and a client, both in this process,
// with a heap of a few MB.
const (
	generatedSessions = 20_000
	generatedSize     = 2 << 10
	mostHeap          = 16 << 20
)

// A heapMeter keeps the largest heap that it has seen, minus what other tests
// left behind.
type heapMeter struct{ before, most uint64 }

func (m *heapMeter) read() {
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	if heap := max(memory.HeapAlloc, memory.HeapInuse); heap > m.before {
		m.most = max(m.most, heap-m.before)
	}
}

// newHeapMeter returns a heapMeter that has seen nothing yet. It skips the test
// under the race detector, which keeps freed memory.
func newHeapMeter(t *testing.T) *heapMeter {
	t.Helper()
	if raceEnabled {
		t.Skip("the race detector keeps memory")
	}
	debug.FreeOSMemory()
	meter := new(heapMeter)
	meter.read()
	meter.before, meter.most = meter.most, 0
	return meter
}

// generated returns a Store that makes sessions on demand, and reads meter, if
// any, in between.
func generated(n, size int, meter *heapMeter) capi.Store {
	data := bytes.Repeat([]byte(`s:15:"session.counter";i:1;`), size/27+1)[:size]
	return capi.StoreFunc(func(ctx context.Context) iter.Seq2[capi.Session, error] {
		return func(yield func(capi.Session, error) bool) {
			for i := range n {
				if meter != nil && i%500 == 0 {
					meter.read()
				}
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

func TestHandlerMemoryStaysFlat(t *testing.T) {
	meter := newHeapMeter(t)
	server := serve(t, capi.NewHandler(generated(generatedSessions, generatedSize, meter), answering(nil)), false)
	response, err := server.Client().Get(server.URL)
	require.NoError(t, err)
	defer response.Body.Close()
	var end ending
	_, err = io.CopyBuffer(&end, struct{ io.Reader }{response.Body}, make([]byte, 32<<10))
	require.NoError(t, err)
	assert.True(t, bytes.HasSuffix(end.last, []byte(`],"error":false,"status":200}`)), "%s", end.last)
	assert.Greater(t, end.size, int64(generatedSessions*generatedSize))
	assert.Less(t, meter.most, uint64(mostHeap))
}

func TestClientMemoryStaysFlat(t *testing.T) {
	server := serve(t, capi.NewHandler(generated(generatedSessions, generatedSize, nil), answering(nil)), false)
	client := newClient(t, server.URL, capi.ClientOptions{})
	meter := newHeapMeter(t)
	count, size := 0, 0
	for session, err := range client.Sessions(t.Context()) {
		require.NoError(t, err)
		if count%500 == 0 {
			meter.read()
		}
		count++
		size += len(session.Data)
	}
	assert.Equal(t, generatedSessions, count)
	assert.Equal(t, generatedSessions*generatedSize, size)
	assert.Less(t, meter.most, uint64(mostHeap))
}
