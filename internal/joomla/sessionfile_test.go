package joomla_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi/internal/joomla"
)

// writeFile writes a file with the given time in seconds since 1970.
func writeFile(t testing.TB, path, data string, written int64) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, []byte(data), 0o600))
	require.NoError(t, os.Chtimes(path, time.Time{}, time.Unix(written, 0)))
}

// anyTime are rules by which no session expires.
var anyTime = joomla.SessionFileRules{Limit: 1 << 20}

// sessionDir returns the directory of a save path.
func sessionDir(t testing.TB, savePath string) joomla.SessionDir {
	t.Helper()
	dir, err := joomla.ParseSavePath(savePath)
	require.NoError(t, err)
	return dir
}

// readFiles returns the contents of the files of ids.
func readFiles(t testing.TB, savePath string, rules joomla.SessionFileRules, ids ...string) [][]byte {
	t.Helper()
	contents, lengths, err := sessionDir(t, savePath).Read(t.Context(), ids, rules)
	require.NoError(t, err)
	require.Len(t, contents, len(ids))
	require.Equal(t, make([]int, len(ids)), lengths)
	return contents
}

func TestSessionDirRead(t *testing.T) {
	const oldest = 1_000_000_000
	path := t.TempDir()
	writeFile(t, path+"/sess_fresh", "fresh", oldest+1)
	writeFile(t, path+"/sess_A,b-9", "x|N;", oldest)
	writeFile(t, path+"/sess_old", "x|N;", oldest-1)
	writeFile(t, path+"/sess_empty", "", oldest)
	writeFile(t, path+"/other", "x|N;", oldest)
	require.NoError(t, os.Mkdir(path+"/sess_directory", 0o700))
	if runtime.GOOS != "windows" {
		require.NoError(t, os.Symlink(path+"/other", path+"/sess_link"))
	}
	for id, want := range map[string][]byte{
		"fresh": []byte("fresh"), "A,b-9": []byte("x|N;"), "empty": {}, "old": nil, "missing": nil, "directory": nil, "link": nil,
		"": nil, "../other": nil, "/../other": nil, "fresh\x00": nil, "é": nil, "a b": nil, strings.Repeat("a", 193): nil, strings.Repeat("a", 100_000): nil,
	} {
		assert.Equal(t, [][]byte{want}, readFiles(t, path, joomla.SessionFileRules{Oldest: oldest, Limit: 100}, id), id)
	}
	assert.Equal(t, [][]byte{[]byte("fresh"), nil, {}, []byte("fresh")}, readFiles(t, path, anyTime, "fresh", "missing", "empty", "fresh"))
}

func TestSessionDirReadLimits(t *testing.T) {
	path := t.TempDir()
	for id, size := range map[string]int64{"empty": 0, "short": 99, "full": 100, "long": 101, "huge": 1 << 40} {
		writeFile(t, path+"/sess_"+id, "", 1)
		if err := os.Truncate(path+"/sess_"+id, size); err != nil {
			require.Equal(t, "huge", id) // Not every file system has room for a hole.
			require.NoError(t, os.Truncate(path+"/sess_huge", 1<<30))
		}
		require.NoError(t, os.Chtimes(path+"/sess_"+id, time.Time{}, time.Unix(1, 0)))
	}
	ids := []string{"empty", "short", "full", "long", "huge", "missing"}
	contents, lengths, err := sessionDir(t, path).Read(t.Context(), ids, joomla.SessionFileRules{Limit: 100})
	require.NoError(t, err)
	for i, want := range []int{0, 99, 100} {
		require.NotNil(t, contents[i])
		assert.Len(t, contents[i], want)
	}
	assert.Equal(t, make([][]byte, 3), contents[3:])
	assert.Equal(t, []int{0, 0, 0, 101}, lengths[:4])
	assert.GreaterOrEqual(t, lengths[4], 1<<30)
	assert.Zero(t, lengths[5])
}

// Reading a session of some megabytes, which a visitor may have, allocates its
// size.
func TestSessionDirReadAllocatesSize(t *testing.T) {
	const size = 15_000_000
	path := t.TempDir()
	writeFile(t, path+"/sess_long", strings.Repeat("x", size), 1)
	for limit, most := range map[int]uint64{size: size + 100_000, size - 1: 100_000} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _, err := sessionDir(t, path).Read(t.Context(), []string{"long"}, joomla.SessionFileRules{Limit: limit})
		runtime.ReadMemStats(&after)
		require.NoError(t, err)
		assert.Less(t, after.TotalAlloc-before.TotalAlloc, most, "limit %d", limit)
	}
}

func TestParseSavePath(t *testing.T) {
	path := t.TempDir()
	writeFile(t, path+"/a/b/sess_abc", "deep", 0)
	writeFile(t, path+"/a/b/c/sess_abc", "too deep for an id of three characters", 0)
	writeFile(t, path+"/sess_abc", "flat", 0)
	for savePath, want := range map[string]string{
		path: "flat", "0;" + path: "flat", "2;" + path: "deep", "2;0600;" + path: "deep", "1;" + path: "", "3;" + path: "", "4;" + path: "",
	} {
		assert.Equal(t, want, string(readFiles(t, savePath, anyTime, "abc")[0]), savePath)
	}
	for _, savePath := range []string{"", "2;", "x;" + path, "-1;" + path, ";" + path} {
		_, err := joomla.ParseSavePath(savePath)
		require.Error(t, err, savePath)
		assert.NotContains(t, err.Error(), path)
	}
}

// A path has the id of a session, and whoever knows the id can use the session.
func TestSessionDirReadErrorsHaveNoPath(t *testing.T) {
	path := t.TempDir()
	writeFile(t, path+"/file", "", 0)
	var withPath *fs.PathError
	_, _, err := sessionDir(t, path+"/file").Read(t.Context(), []string{"hush"}, anyTime)
	require.Error(t, err)
	require.NotErrorAs(t, err, &withPath)

	_, _, err = sessionDir(t, path+"/missing").Read(t.Context(), []string{"hush"}, anyTime)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NotErrorAs(t, err, &withPath)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err = sessionDir(t, path).Read(ctx, []string{"hush"}, anyTime)
	require.ErrorIs(t, err, context.Canceled)
}

// A session of Joomla has some KB.
func BenchmarkSessionDirRead(b *testing.B) {
	path := b.TempDir()
	writeFile(b, path+"/sess_some", strings.Repeat("x", 2000), 1)
	dir := sessionDir(b, path)
	b.ReportAllocs()
	for b.Loop() {
		if contents, _, err := dir.Read(b.Context(), []string{"some"}, anyTime); err != nil || len(contents[0]) != 2000 {
			b.Fatal(err)
		}
	}
}
