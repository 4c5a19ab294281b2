package joomla_test

import (
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

// writeFile writes a file as if at a time in seconds since 1970.
func writeFile(t *testing.T, path, data string, written int64) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, []byte(data), 0o600))
	require.NoError(t, os.Chtimes(path, time.Time{}, time.Unix(written, 0)))
}

func TestSessionFileRead(t *testing.T) {
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
	dir, err := joomla.ParseSavePath(path)
	require.NoError(t, err)
	for id, want := range map[string][]byte{
		"fresh": []byte("fresh"), "A,b-9": []byte("x|N;"), "empty": {}, "old": nil, "missing": nil, "directory": nil, "link": nil,
	} {
		file, ok := dir.File(id)
		require.True(t, ok, id)
		got, err := file.Read(oldest)
		require.NoError(t, err)
		assert.Equal(t, want, got, id)
	}
}

func TestSessionDirFileRefuses(t *testing.T) {
	dir, err := joomla.ParseSavePath("2;" + t.TempDir())
	require.NoError(t, err)
	for _, id := range []string{
		"", "a", "../other", "/../other", "fresh\x00", "é", "a b", strings.Repeat("a", 193), strings.Repeat("a", 100_000),
	} {
		_, ok := dir.File(id)
		assert.False(t, ok, id)
	}
}

func TestSessionFileReadRefusesLongFile(t *testing.T) {
	path := t.TempDir()
	writeFile(t, path+"/sess_long", "", 1)
	dir, err := joomla.ParseSavePath(path)
	require.NoError(t, err)
	file, ok := dir.File("long")
	require.True(t, ok)
	for size, want := range map[int64]string{16<<20 - 1: "", 16 << 20: "file of 16 MiB or more", 1 << 40: "file of 16 MiB or more"} {
		if err := os.Truncate(path+"/sess_long", size); err != nil && size > 16<<20 {
			continue // Not every file system has room for a hole.
		}
		content, err := file.Read(0)
		if want != "" {
			assert.EqualError(t, err, want)
			continue
		}
		require.NoError(t, err)
		assert.Len(t, content, int(size))
	}
}

func TestParseSavePath(t *testing.T) {
	path := t.TempDir()
	writeFile(t, path+"/a/b/sess_abc", "deep", 0)
	writeFile(t, path+"/sess_abc", "flat", 0)
	for savePath, want := range map[string]string{
		path: "flat", "0;" + path: "flat", "2;" + path: "deep", "2;0600;" + path: "deep", "1;" + path: "", "3;" + path: "",
	} {
		dir, err := joomla.ParseSavePath(savePath)
		require.NoError(t, err)
		file, ok := dir.File("abc")
		require.True(t, ok)
		got, err := file.Read(0)
		require.NoError(t, err)
		assert.Equal(t, want, string(got), savePath)
	}
	for _, savePath := range []string{"", "2;", "x;" + path, "-1;" + path, ";" + path} {
		_, err := joomla.ParseSavePath(savePath)
		require.Error(t, err, savePath)
		assert.NotContains(t, err.Error(), path)
	}
}

// A path has the id of a session, which opens it to whoever knows it.
func TestSessionFileErrorsHaveNoPath(t *testing.T) {
	path := t.TempDir()
	writeFile(t, path+"/file", "", 0)
	dir, err := joomla.ParseSavePath(path + "/file")
	require.NoError(t, err)
	file, ok := dir.File("hush")
	require.True(t, ok)
	_, err = file.Read(0)
	var withPath *fs.PathError
	require.Error(t, err)
	require.NotErrorAs(t, err, &withPath)

	dir, err = joomla.ParseSavePath(path + "/missing")
	require.NoError(t, err)
	err = dir.Stat()
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NotErrorAs(t, err, &withPath)
}
