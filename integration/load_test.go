package integration_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestLoad asks for 1,000 sessions from 200 concurrent clients, for
// CAPI_LOAD_SECONDS, or 5. Half of the clients are refused, a tenth reads
// slowly, and a tenth leaves in the middle.
func TestLoad(t *testing.T) {
	const clients, rows, connections = 200, 1000, 50
	seconds, err := strconv.Atoi(environment("CAPI_LOAD_SECONDS", "5"))
	require.NoError(t, err, "CAPI_LOAD_SECONDS")

	nothingLeft(t)
	site := joomla5(t, mariaDB())
	recordedRows := len(site.Tables["session"])
	site.fill(t, rows-recordedRows)
	site.DB.SetMaxOpenConns(connections)
	site.DB.SetMaxIdleConns(connections)
	service := site.guarded(t, nil)
	service.client.Timeout = 0
	token := site.apiToken(t)
	super, registered := site.CookieOf(t, "super"), site.CookieOf(t, "registered")
	wrongToken := http.Header{"Authorization": {strings.Replace(token.Get("Authorization"), "Bearer c2hh", "Bearer x2hh", 1)}}

	var refused, listed, slow, left, failed atomic.Int64
	fail := func(what string, r reply) {
		if failed.Add(1) <= 10 {
			t.Errorf("%s: status %d, %d bytes, error %v", what, r.status, len(r.body), r.err)
		}
	}
	first := service.ask(t, super)
	first.requireList(t, rows)
	// list asks for the list without keeping it, and fails if it differs from
	// the first one.
	list := func(ctx context.Context, what string, header http.Header, wrap func(io.Reader) io.Reader) {
		response, err := request(ctx, service.client, service.url, header)
		if err != nil {
			fail(what, reply{err: err})
			return
		}
		defer response.Body.Close()
		hash := sha256.New()
		_, err = io.Copy(hash, wrap(response.Body))
		if response.StatusCode != http.StatusOK || err != nil || [sha256.Size]byte(hash.Sum(nil)) != sha256.Sum256(first.body) {
			fail(what, reply{status: response.StatusCode, err: err})
		}
	}
	plain := func(body io.Reader) io.Reader { return body }
	// Each kind of client asks once. The key is how many of ten clients are of
	// it.
	kinds := []func(ctx context.Context){
		0: func(ctx context.Context) {
			if r := get(ctx, service.client, service.url, registered); r.err != nil || r.status != http.StatusForbidden ||
				!bytes.HasPrefix(r.body, []byte(`{"msg":"Not authorized."`)) {
				fail("no Super Admin", r)
			}
			refused.Add(1)
		},
		1: func(ctx context.Context) {
			if r := get(ctx, service.client, service.url, wrongToken); r.err != nil || r.status != http.StatusUnauthorized {
				fail("wrong token", r)
			}
			refused.Add(1)
		},
		2: func(ctx context.Context) {
			if r := get(ctx, service.client, service.url, nil); r.err != nil || r.status != http.StatusUnauthorized {
				fail("no credentials", r)
			}
			refused.Add(1)
		},
		3: func(ctx context.Context) {
			list(ctx, "cookie", super, plain)
			listed.Add(1)
		},
		4: func(ctx context.Context) {
			list(ctx, "token", token, plain)
			listed.Add(1)
		},
		5: func(ctx context.Context) { // Reads slowly, but reads.
			list(ctx, "slow", super, func(body io.Reader) io.Reader { return slowReader{body} })
			slow.Add(1)
		},
		6: func(ctx context.Context) { // Leaves.
			response, err := request(ctx, service.client, service.url, super)
			if err != nil {
				fail("leaving", reply{err: err})
				return
			}
			_, _ = io.CopyN(io.Discard, response.Body, 100_000)
			_ = response.Body.Close()
			left.Add(1)
		},
	}
	mix := []int{0, 0, 0, 1, 2, 3, 3, 4, 5, 6}

	var memory []uint64
	sample := func() {
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		memory = append(memory, stats.HeapAlloc)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(seconds)*time.Second)
	defer cancel()
	var running sync.WaitGroup
	for i := range clients {
		ask := kinds[mix[i%len(mix)]]
		running.Go(func() {
			for ctx.Err() == nil {
				ask(t.Context())
			}
		})
	}
	for tick := time.NewTicker(time.Duration(seconds) * time.Second / 12); ctx.Err() == nil; {
		select {
		case <-tick.C:
			sample()
			assert.LessOrEqual(t, site.DB.Stats().OpenConnections, connections)
		case <-ctx.Done():
			tick.Stop()
		}
	}
	running.Wait()

	requireIdle(t, site.DB)
	service.client.CloseIdleConnections()
	sample()
	t.Logf("in %d s: %d refused, %d listed, %d read slowly, %d left, %d failed; heap in MB %s", seconds,
		refused.Load(), listed.Load(), slow.Load(), left.Load(), failed.Load(), megabytes(memory))
	assert.Zero(t, failed.Load())
	assert.Zero(t, service.log.errors(), service.log)
	for name, n := range map[string]*atomic.Int64{"refused": &refused, "listed": &listed, "slow": &slow, "left": &left} {
		assert.Positive(t, n.Load(), name)
	}
	if len(memory) >= 6 { // A machine that is too busy takes fewer.
		early, late := max(memory[0], memory[1], memory[2]), max(memory[len(memory)-2], memory[len(memory)-3])
		assert.Less(t, late, early+early/2+8<<20, "the heap grows: MB %s", megabytes(memory))
	}
	assert.Less(t, memory[len(memory)-1], uint64(32<<20), "the heap keeps what the load took: MB %s", megabytes(memory))
}

func megabytes(sizes []uint64) string {
	var texts []string
	for _, size := range sizes {
		texts = append(texts, strconv.FormatUint(size>>20, 10))
	}
	return strings.Join(texts, " ")
}

// A slowReader pauses before each read of some KB.
type slowReader struct{ reader io.Reader }

func (r slowReader) Read(p []byte) (int, error) {
	time.Sleep(2 * time.Millisecond)
	return r.reader.Read(p[:min(len(p), 16<<10)])
}
