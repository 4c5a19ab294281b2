package joomla

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A SessionDir is a directory in which PHP's session handler "files" keeps
// sessions. Joomla's "filesystem" (4 and later) and "none" (3.x) use it. Make
// one with [ParseSavePath].
type SessionDir struct {
	path string
	// depth is the number of levels of subdirectories, named by the first
	// characters of an id.
	depth int
}

// ParseSavePath parses PHP's session.save_path in any of its three forms:
// /path, N;/path and N;MODE;/path. It refuses an N that is not a number of
// levels, and an empty path, for which PHP uses a directory that only PHP
// knows.
func ParseSavePath(savePath string) (SessionDir, error) {
	dir := SessionDir{path: savePath}
	if levels, rest, ok := strings.Cut(savePath, ";"); ok {
		depth, err := strconv.Atoi(levels)
		if err != nil || depth < 0 {
			return SessionDir{}, errors.New("malformed directory of session files: write it as /path, N;/path or N;MODE;/path")
		}
		dir = SessionDir{path: rest[strings.LastIndexByte(rest, ';')+1:], depth: depth}
	}
	if dir.path == "" {
		return SessionDir{}, errors.New("no directory of session files")
	}
	return dir, nil
}

// file returns the path of the file of a session. It reports false for what
// cannot be an id, and so never leaves d.
func (d SessionDir) file(id string) (path string, ok bool) {
	if !IsSessionID(id) || len(id) <= d.depth { // PHP's ps_files_path_create.
		return "", false
	}
	path = d.path
	for _, c := range id[:d.depth] {
		path = filepath.Join(path, string(c))
	}
	return filepath.Join(path, "sess_"+id), true
}

// SessionFileRules say which files are sessions. Every user of the machine may
// be able to create files in the directory, such as Debian's, of mode 1733.
type SessionFileRules struct {
	// Oldest is the earliest time at which a session that has not expired was
	// last written, in seconds since 1970.
	Oldest int64
	// Owners are the user ids that a file may belong to, besides root and those
	// of this process. They are ignored on systems without user ids.
	Owners []int
	// Limit is how many bytes of a session are read at most.
	Limit int
}

// PHP's handler (mod_files.c) opens a file, creating it empty, and takes an
// exclusive flock until the page is made, which may take seconds. Meanwhile,
// the file holds the old text. At the end, PHP truncates the file and writes
// the new text or, in newer versions, overwrites the old text and truncates the
// rest. Then it closes the file. So:
//
//   - With a shared flock, a reader gets a complete text. It must not wait for
//     the lock in the kernel, where a page that hangs would hold a thread for
//     each request. It holds the lock for one read, because PHP waits for it.
//   - If PHP has the lock, or there are no locks, the text is complete except
//     during the write, and every step of that changes the file's time or
//     length. So a text whose file has not changed for long enough is complete.
//   - A text of at least a memory page is written page by page, and its writer
//     may be made to pause between two. Meanwhile the text is cut off, or it is
//     the beginning of the new text with the end of the old one, which a
//     visitor could fit together to say what neither says. On ext4, truncating
//     a file waits for the disk, so that an empty text may be a truncated one,
//     or a new session, for which PHP's own reader would wait. Both must be
//     unchanged for longer than any such pause.
const (
	// settled is the age at which a file is certainly not being written. It is
	// long enough for file systems that count in seconds, and for the clock of
	// another machine.
	settled = 2 * time.Second
	// longPatience is how long a long text must be unchanged, and emptyPatience
	// an empty one, which a busy disk may cause.
	longPatience  = 500 * time.Millisecond
	emptyPatience = 1500 * time.Millisecond
	// patience is how long a read waits for any other text to be unchanged. The
	// longer it has waited, the less time it requires, because pages that
	// follow one another may not leave that much.
	patience = 100 * time.Millisecond
	// moment is the least time that it requires, until half of giveUp has
	// passed. It is longer than the steps of the clock for file times.
	moment = 10 * time.Millisecond
	// giveUp is how long Read waits at most.
	giveUp = 2 * time.Second
	// longestPause is the longest wait between two looks.
	longestPause = 2 * time.Millisecond
	// pageSize is the size of a memory page, or divides it.
	pageSize = 4096
)

// errWriting reports a file that is being written all the time.
var errWriting = errors.New("file is written without a pause")

// Read returns the contents of the files of ids, in order: nil if there is no
// session or if it has more than rules.Limit bytes. Then lengths holds its
// length, which is 0 for all others. Empty content is not nil. Read waits at
// most two seconds for all files that PHP is writing, and never for the lock.
//
// A link or anything else but a regular file is not a session, nor is a file of
// a user who is not among the owners. Errors do not name the path, which
// contains the id.
func (d SessionDir) Read(ctx context.Context, ids []string, rules SessionFileRules) (contents [][]byte, lengths []int, err error) {
	contents, lengths = make([][]byte, len(ids)), make([]int, len(ids))
	started, missing := time.Now(), false
	sights := map[int]*sight{} // of files to look at again, by the index of the id
	look := func(i int, path string) error {
		content, length, s, err := rules.read(path, sights[i], started)
		switch {
		case err != nil:
			return fmt.Errorf("reading a session file: %w", withoutPath(err))
		case s != nil:
			sights[i] = s
			return nil
		}
		delete(sights, i)
		contents[i], lengths[i] = content, length
		missing = missing || content == nil && length == 0
		return nil
	}
	for i, id := range ids {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		if path, ok := d.file(id); ok {
			if err := look(i, path); err != nil {
				return nil, nil, err
			}
		}
	}
	// Wait for all of them at once: a visitor may request many pages.
	for pause := time.Millisecond; len(sights) > 0; pause = min(2*pause, longestPause) {
		if time.Since(started) > giveUp {
			return nil, nil, fmt.Errorf("reading a session file: %w", errWriting)
		}
		select {
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		case <-time.After(pause):
		}
		for i := range sights {
			path, _ := d.file(ids[i])
			if err := look(i, path); err != nil {
				return nil, nil, err
			}
		}
	}
	if missing { // The directory may be missing, too.
		if _, err := os.Stat(d.path); err != nil {
			return nil, nil, fmt.Errorf("reading the directory of session files: %w", withoutPath(err))
		}
	}
	return contents, lengths, nil
}

// A sight is the state of a file that may be being written.
type sight struct {
	fs.FileInfo
	since time.Time // when this state was first seen
}

// still returns the sight of a file as of now, given the previous one, which
// may be nil.
func (s *sight) still(info fs.FileInfo, now time.Time) *sight {
	if s != nil && os.SameFile(s.FileInfo, info) && s.Size() == info.Size() && s.ModTime().Equal(info.ModTime()) {
		return s
	}
	return &sight{info, now}
}

// whole reports whether no writer can be in the middle of the text, for a
// reader that has waited since started.
func (s *sight) whole(now, started time.Time) bool {
	seen, waited, size := now.Sub(s.since), now.Sub(started), s.Size()
	if now.Sub(s.ModTime()) >= settled {
		return size > 0 || seen >= moment // A tmpfs changes the length before the time.
	}
	switch {
	case size == 0:
		return seen >= emptyPatience
	case size >= pageSize:
		return seen >= longPatience
	}
	least := moment
	if waited > giveUp/2 {
		least = 0
	}
	return seen >= max(least, patience-waited)
}

// read returns the content of a file, or its length if that exceeds the limit.
// If the text may not be complete, it returns a sight instead; last is the
// previous one, or nil.
func (r SessionFileRules) read(path string, last *sight, started time.Time) (content []byte, length int, next *sight, err error) {
	file, err := openSessionFile(path)
	if err != nil {
		// The meaning of the error depends on the owner: others may have put
		// files there that this process may not open.
		info, statErr := os.Lstat(path)
		if isNoSessionFile(err) || statErr == nil && !r.accept(info) {
			err = nil
		}
		return nil, 0, nil, err
	}
	defer file.Close() // This releases the lock.
	locked := lockSessionFile(file)
	info, err := file.Stat()
	if err != nil || !r.accept(info) || info.ModTime().Unix() < r.Oldest {
		return nil, 0, nil, err
	}
	if !locked {
		now := time.Now()
		if last = last.still(info, now); !last.whole(now, started) {
			return nil, 0, last, nil
		}
	}
	if info.Size() > int64(r.Limit) {
		return nil, int(min(info.Size(), math.MaxInt)), nil, nil
	}
	content = make([]byte, info.Size())
	_, err = io.ReadFull(file, content)
	cut := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) // By a writer that heeds no lock.
	switch {
	case err != nil && !cut:
		return nil, 0, nil, err
	case locked && !cut:
		return content, 0, nil, nil
	}
	after, err := file.Stat()
	if err != nil {
		return nil, 0, nil, err
	}
	if next = last.still(after, time.Now()); next != last || cut {
		return nil, 0, next, nil
	}
	return content, 0, nil, nil
}

// accept reports whether PHP takes a file for a session (ps_files_open). PHP
// running as root accepts files of any owner, but accept does not: a service
// that runs as root serves a site whose PHP does not.
func (r SessionFileRules) accept(info fs.FileInfo) bool {
	if !info.Mode().IsRegular() {
		return false
	}
	uid, ok := sessionFileOwner(info)
	return !ok || uid == 0 || slices.Contains(r.Owners, uid) || uid == os.Geteuid() || uid == os.Getuid()
}

// withoutPath returns err without the path of the file.
func withoutPath(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
