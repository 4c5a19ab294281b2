package capi_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

// fileNow is the clock of files, which is not that of the machine.
var fileNow = time.Unix(testNow, 0)

func files(dir string) capi.FileSessionData {
	return capi.FileSessionData{Dir: dir, Lifetime: time.Minute, Now: func() time.Time { return fileNow }}
}

// writeSession writes a session file that was last written age before fileNow.
func writeSession(t testing.TB, path, data string, age time.Duration) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, []byte(data), 0o600))
	require.NoError(t, os.Chtimes(path, time.Time{}, fileNow.Add(-age)))
}

func TestFileSessionDataPayloads(t *testing.T) {
	dir := t.TempDir()
	writeSession(t, dir+"/a/b/sess_ab1", login(7), 0)
	writeSession(t, dir+"/a/b/sess_ab2", "x|N;", time.Minute)
	writeSession(t, dir+"/a/b/sess_ab3", "x|N;", time.Minute+time.Second)
	writeSession(t, dir+"/a/b/sess_ab4", "", 0)
	writeSession(t, dir+"/other", "x|N;", 0)
	ids := []string{"ab1", "missing", "ab2", "ab3", "ab4", "", "a", "ab1", "../../other"}
	got, err := files("2;"+dir).Payloads(t.Context(), ids)
	require.NoError(t, err)
	want := make([]capi.Payload, len(ids))
	want[0], want[2], want[4], want[7] = capi.Payload(login(7)), capi.Payload("x|N;"), capi.Payload{}, capi.Payload(login(7))
	assert.Equal(t, want, got)
}

func TestFileSessionDataValidates(t *testing.T) {
	for dir, want := range map[string]string{
		"":       "capi: invalid site configuration: no directory of session files",
		"x;/tmp": "capi: invalid site configuration: malformed directory of session files",
	} {
		_, err := capi.FileSessionData{Dir: dir}.Payloads(t.Context(), nil)
		require.ErrorIs(t, err, capi.ErrSiteConfig)
		require.EqualError(t, err, want)
		_, err = capi.SiteOptions{SessionData: files(dir)}.NewSite(new(sql.DB), capi.SiteConfig{DBType: "sqlite", DBPrefix: "a", Secret: capi.NewSecret("s")})
		require.EqualError(t, err, want, "a site says so at once")
	}
	for _, data := range []capi.SessionData{
		capi.FileSessionData{Dir: "/tmp", Lifetime: -1}, &capi.FileSessionData{Dir: "/tmp", Lifetime: -1}, &capi.FileSessionData{Lifetime: -1},
	} {
		_, err := capi.SiteOptions{SessionData: data}.NewSite(new(sql.DB), capi.SiteConfig{DBType: "sqlite", DBPrefix: "a", Secret: capi.NewSecret("s")})
		require.ErrorIs(t, err, capi.ErrSiteConfig)
		require.ErrorContains(t, err, "negative Lifetime -1ns")
	}
}

func TestFileSessionDataFails(t *testing.T) {
	dir := t.TempDir()
	_, err := files(dir+"/missing").Payloads(t.Context(), []string{"hush"})
	require.ErrorIs(t, err, fs.ErrNotExist, "a directory that is not there has no sessions that ended")
	assert.NotContains(t, err.Error(), "hush")
	got, err := files(dir+"/missing").Payloads(t.Context(), []string{"../hush"})
	assert.NoError(t, err, "nothing that could be there is missing")
	assert.Equal(t, []capi.Payload{nil}, got)
	got, err = files(dir+"/missing").Payloads(t.Context(), nil)
	assert.NoError(t, err)
	assert.Empty(t, got)

	writeSession(t, dir+"/file", "", 0)
	_, err = files(dir+"/file").Payloads(t.Context(), []string{"hush"})
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "hush")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = files(dir).Payloads(ctx, []string{"hush"})
	assert.ErrorIs(t, err, context.Canceled)
}

// Defaults are those of Joomla and of the machine's clock.
func TestFileSessionDataZeroFields(t *testing.T) {
	dir := t.TempDir()
	for name, age := range map[string]time.Duration{"fresh": 14 * time.Minute, "old": 16 * time.Minute} {
		require.NoError(t, os.WriteFile(dir+"/sess_"+name, []byte("x"), 0o600))
		require.NoError(t, os.Chtimes(dir+"/sess_"+name, time.Time{}, time.Now().Add(-age)))
	}
	got, err := capi.FileSessionData{Dir: dir}.Payloads(t.Context(), []string{"fresh", "old"})
	require.NoError(t, err)
	assert.Equal(t, []capi.Payload{capi.Payload("x"), nil}, got)
}

// filled returns the store of n rows of a site whose data is where data finds
// it.
func filled(t *testing.T, n int, activeOnly bool, data capi.SessionData) capi.Store {
	t.Helper()
	var rows reply
	for i := range n {
		rows.rows = append(rows.rows, []driver.Value{fmt.Sprint(i), "0", "1", "1", "left over", "0", ""})
	}
	site := newFakeDB(list(int64(0)), rows).site(t, inRedis(data))
	return capi.SQLStoreConfig{ActiveOnly: activeOnly}.NewSQLStore(site)
}

// odd is a SessionData that has the sessions of odd ids.
func odd(batches *[]int) capi.SessionData {
	var mu sync.Mutex
	return sessionDataFunc(func(_ context.Context, ids []string) ([]capi.Payload, error) {
		mu.Lock()
		*batches = append(*batches, len(ids))
		mu.Unlock()
		payloads := make([]capi.Payload, len(ids))
		for i, id := range ids {
			if strings.HasSuffix(id, "1") {
				payloads[i] = capi.Payload("data of " + id)
			}
		}
		return payloads, nil
	})
}

func TestSQLStoreFills(t *testing.T) {
	for n, want := range map[int][]int{0: nil, 1: {1}, 255: {255}, 256: {256}, 257: {256, 1}, 512: {256, 256}, 1300: {256, 256, 256, 256, 256, 20}} {
		for _, activeOnly := range []bool{false, true} {
			var batches []int
			sessions, err := capi.Collect(filled(t, n, activeOnly, odd(&batches)).Sessions(t.Context()))
			require.NoError(t, err)
			assert.ElementsMatch(t, want, batches)
			var ids []string
			for i := range n {
				if id := fmt.Sprint(i); !activeOnly || strings.HasSuffix(id, "1") {
					ids = append(ids, id)
				}
			}
			require.Len(t, sessions, len(ids))
			for i, session := range sessions {
				require.Equal(t, ids[i], session.ID)
				if strings.HasSuffix(session.ID, "1") {
					require.Equal(t, "data of "+session.ID, string(session.Data))
				} else {
					require.Nil(t, session.Data, "what the column holds does not count")
				}
			}
		}
	}
}

func TestSQLStoreFillsUntilBreak(t *testing.T) {
	var batches []int
	count := 0
	for range filled(t, 1300, false, odd(&batches)).Sessions(t.Context()) {
		if count++; count == 10 {
			break
		}
	}
	assert.Equal(t, []int{256, 256, 256}, batches, "two batches ahead")
}

// A SessionData that panics ends the range where it is, as its caller's own
// code would: net/http recovers from that.
func TestSQLStoreFillPanics(t *testing.T) {
	data := sessionDataFunc(func(context.Context, []string) ([]capi.Payload, error) { panic("of the data") })
	assert.PanicsWithValue(t, "of the data", func() { _, _ = capi.Collect(filled(t, 1, false, data).Sessions(t.Context())) })
}

func TestSQLStoreFillFails(t *testing.T) {
	broken := errors.New("broken")
	for name, second := range map[string]struct {
		payloads []capi.Payload
		err      error
		want     string
	}{
		"error":    {nil, broken, "capi: reading session data: broken"},
		"too few":  {[]capi.Payload{nil}, nil, "capi: reading session data: SessionData returned 1 payloads for 256 ids"},
		"too many": {make([]capi.Payload, 300), nil, "capi: reading session data: SessionData returned 300 payloads for 256 ids"},
	} {
		t.Run(name, func(t *testing.T) {
			data := sessionDataFunc(func(_ context.Context, ids []string) ([]capi.Payload, error) {
				if ids[0] == "0" {
					return slices.Repeat([]capi.Payload{[]byte(strings.Repeat("x", 1<<10))}, len(ids)), nil
				}
				return second.payloads, second.err
			})
			sessions, err := capi.Collect(filled(t, 600, false, data).Sessions(t.Context()))
			require.EqualError(t, err, second.want)
			assert.Len(t, sessions, 256)

			config, logs := logged()
			assert.PanicsWithError(t, "net/http: abort Handler", func() {
				serveOnce(newHandler(t, config, filled(t, 600, false, data), answering(nil)))
			})
			assert.Contains(t, logs.String(), "cut short")
		})
	}
}
