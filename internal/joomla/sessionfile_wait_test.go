//go:build go1.25 && unix && !aix && !illumos && !solaris

package joomla_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A held session is a session whose lock a page holds.
type held struct {
	*os.File
	t *testing.T
}

// hold writes a session and takes its lock.
func hold(t *testing.T, path, text string) held {
	h := held{lockFile(t, path), t}
	if text != "" {
		h.write(text)
	}
	return h
}

// cut truncates the file to nothing, at the current time.
func (h held) cut() {
	require.NoError(h.t, h.Truncate(0))
	h.touch()
}

// write writes the text, at the current time.
func (h held) write(text string) {
	_, err := h.WriteAt([]byte(text), 0)
	require.NoError(h.t, err)
	h.touch()
}

// touch sets the time of the file to the test's, which is not the machine's.
func (h held) touch() { require.NoError(h.t, os.Chtimes(h.Name(), time.Now(), time.Now())) }

// TestSessionDirReadWaits reads sessions that a page holds and has written a
// moment ago, or is about to write.
func TestSessionDirReadWaits(t *testing.T) {
	const old, new = "old|N;", "new|b:1;"
	long := strings.Repeat("x", 10_000)
	for name, test := range map[string]struct {
		before string // the text when the lock is taken
		page   func(held)
		want   string
		most   time.Duration
	}{
		"written just now, then a long page":       {old, func(held) { time.Sleep(time.Minute) }, old, 60 * time.Millisecond},
		"long, written just now, then a long page": {long, func(held) { time.Sleep(time.Minute) }, long, 510 * time.Millisecond},
		"long, written with a pause": {long, func(h held) {
			h.write(strings.Repeat("y", 4096))
			time.Sleep(300 * time.Millisecond)
			h.write(strings.Repeat("y", len(long)))
		}, strings.Repeat("y", len(long)), 310 * time.Millisecond},
		"written at the end of the page": {old, func(h held) {
			time.Sleep(20 * time.Millisecond)
			h.cut()
			h.write(new)
		}, new, 30 * time.Millisecond},
		"written over what was there": {strings.Repeat("x", 100), func(h held) {
			time.Sleep(20 * time.Millisecond)
			h.write(new)
			time.Sleep(9 * time.Millisecond)
			require.NoError(h.t, h.Truncate(int64(len(new))))
		}, new, 40 * time.Millisecond},
		"a slow writer": {"", func(h held) {
			for i := range len(new) {
				h.write(new[:i])
				time.Sleep(9 * time.Millisecond)
			}
			h.write(new)
		}, new, 90 * time.Millisecond},
		"a new session":                {"", func(h held) { time.Sleep(1400 * time.Millisecond); h.write(new) }, new, 1410 * time.Millisecond},
		"stopped while it wrote":       {old, func(h held) { h.cut(); time.Sleep(1400 * time.Millisecond); h.write(new) }, new, 1410 * time.Millisecond},
		"a new session of a long page": {"", func(held) { time.Sleep(time.Minute) }, "", 1510 * time.Millisecond},
		"written to the end of a page of memory": {"", func(h held) {
			h.write(strings.Repeat("x", 8192))
			time.Sleep(200 * time.Millisecond)
			h.write(strings.Repeat("x", 8193))
		}, strings.Repeat("x", 8193), 210 * time.Millisecond},
		"pages without a gap": {old, func(h held) {
			for range 1000 {
				time.Sleep(20 * time.Millisecond)
				h.cut()
				h.write(old)
			}
		}, old, 110 * time.Millisecond},
		"short pages without a gap": {old, func(h held) {
			for range 1000 {
				time.Sleep(5 * time.Millisecond)
				h.cut()
				h.write(old)
			}
		}, old, 1010 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			path := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				h := hold(t, path+"/sess_x", test.before)
				h.touch()
				var page sync.WaitGroup
				defer page.Wait()
				page.Add(1)
				go func() {
					defer page.Done()
					test.page(h)
					assert.NoError(t, h.Close())
				}()
				synctest.Wait() // Until it sleeps.
				began := time.Now()
				content := readFiles(t, path, anyTime, "x")[0]
				require.NotNil(t, content)
				assert.Equal(t, test.want, string(content))
				assert.LessOrEqual(t, time.Since(began), test.most)
			})
		})
	}
}

// Read waits for all files of a list together.
func TestSessionDirReadWaitsForMany(t *testing.T) {
	path := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var ids []string
		for i := range 100 {
			ids = append(ids, fmt.Sprint("held", i))
			hold(t, path+"/sess_"+ids[i], "x|N;")
		}
		began := time.Now()
		for _, content := range readFiles(t, path, anyTime, ids...) {
			require.Equal(t, "x|N;", string(content))
		}
		assert.LessOrEqual(t, time.Since(began), 60*time.Millisecond)
	})
}

func TestSessionDirReadGivesUp(t *testing.T) {
	path := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		h := hold(t, path+"/sess_x", "")
		var page sync.WaitGroup
		defer page.Wait()
		defer cancel()
		page.Add(1)
		go func() {
			defer page.Done()
			for i := 0; ctx.Err() == nil; i++ {
				h.cut()
				h.write(strings.Repeat("x", i%2*4096))
				time.Sleep(3 * time.Millisecond)
			}
		}()
		began := time.Now()
		_, _, err := sessionDir(t, path).Read(t.Context(), []string{"x"}, anyTime)
		require.EqualError(t, err, "reading a session file: file is written without a pause")
		assert.InDelta(t, 2*time.Second, time.Since(began), float64(5*time.Millisecond))

		soon, cancelSoon := context.WithTimeout(ctx, 5*time.Millisecond)
		defer cancelSoon()
		began = time.Now()
		_, _, err = sessionDir(t, path).Read(soon, []string{"x"}, anyTime)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 5*time.Millisecond, time.Since(began))
	})
}

// A session that ends while Read waits for it is not returned.
func TestSessionDirReadWaitsForTheEnd(t *testing.T) {
	path := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := hold(t, path+"/sess_x", "x|N;")
		removed := time.AfterFunc(20*time.Millisecond, func() { assert.NoError(t, os.Remove(h.Name())) })
		defer removed.Stop()
		assert.Equal(t, [][]byte{nil}, readFiles(t, path, anyTime, "x"))
	})
}
