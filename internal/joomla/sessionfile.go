package joomla

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A SessionDir is a directory in which PHP's session handler "files" keeps
// sessions, which is that of Joomla's "filesystem" (4 and later) and "none"
// (3.x). Make one with [ParseSavePath].
type SessionDir struct {
	path string
	// depth is how many levels of directories, named by the first characters of
	// an id, are in it.
	depth int
}

// ParseSavePath reads PHP's session.save_path, in any of its three forms:
// /path, N;/path and N;MODE;/path. It refuses an N that is no number of levels,
// and an empty path, for which PHP takes a directory that only PHP knows.
func ParseSavePath(savePath string) (SessionDir, error) {
	dir := SessionDir{path: savePath}
	if levels, rest, ok := strings.Cut(savePath, ";"); ok {
		depth, err := strconv.Atoi(levels)
		if err != nil || depth < 0 {
			return SessionDir{}, errors.New("malformed directory of session files")
		}
		dir = SessionDir{path: rest[strings.LastIndexByte(rest, ';')+1:], depth: depth}
	}
	if dir.path == "" {
		return SessionDir{}, errors.New("no directory of session files")
	}
	return dir, nil
}

// Stat returns why there is no such directory, or nil. The error does not name
// it.
func (d SessionDir) Stat() error {
	_, err := os.Stat(d.path)
	return withoutPath(err)
}

// A SessionFile is the file of a session, which may not exist.
type SessionFile struct{ path string }

// File returns the file of the session called id. It reports false for what
// cannot be an id, and so never leaves d.
func (d SessionDir) File(id string) (SessionFile, bool) {
	if !IsSessionID(id) || len(id) < d.depth {
		return SessionFile{}, false
	}
	path := d.path
	for _, c := range id[:d.depth] {
		path = filepath.Join(path, string(c))
	}
	return SessionFile{filepath.Join(path, "sess_"+id)}, true
}

// Read returns the content of f if it was written no earlier than oldest, in
// seconds since 1970, else nil. Content of no bytes is not nil. One of 16 MiB
// or more, which no database takes for a session, is an error. Errors do not
// name the path, which has the id.
func (f SessionFile) Read(oldest int64) ([]byte, error) {
	info, err := os.Lstat(f.path) // PHP follows no links, either.
	if errors.Is(err, fs.ErrNotExist) || err == nil && (!info.Mode().IsRegular() || info.ModTime().Unix() < oldest) {
		return nil, nil
	}
	if err != nil {
		return nil, withoutPath(err)
	}
	file, err := os.Open(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, withoutPath(err)
	}
	defer file.Close()
	opened, err := file.Stat()
	if err != nil {
		return nil, withoutPath(err)
	}
	if !os.SameFile(info, opened) { // A link has taken its place.
		return nil, nil
	}
	var content bytes.Buffer
	content.Grow(int(min(opened.Size(), tooLong)) + bytes.MinRead)
	if _, err := content.ReadFrom(io.LimitReader(file, tooLong)); err != nil {
		return nil, withoutPath(err)
	}
	if content.Len() == tooLong {
		return nil, errors.New("file of 16 MiB or more")
	}
	return content.Bytes(), nil
}

// tooLong is a length that no session has.
const tooLong = 16 << 20

// withoutPath returns what went wrong with a file, without its path.
func withoutPath(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
