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

// file returns the path of the file of the session called id. It reports false
// for what cannot be an id, and so never leaves d.
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

// SessionFileRules say which files are sessions. The directory may be one in
// which every user of the machine makes files, such as Debian's, of mode 1733.
type SessionFileRules struct {
	// Oldest is when a session that has not expired was last written, at the
	// earliest, in seconds since 1970.
	Oldest int64
	// Owners are the user ids that a file may belong to, besides root and those
	// of this process. Systems that have none do not ask.
	Owners []int
	// Limit is how many bytes of a session are read at most. It is no more than
	// what an int can count.
	Limit int
}

// How PHP's handler (mod_files.c) writes decides how to read beside it. It
// opens a file, which creates an empty one, takes an exclusive flock, and keeps
// it until the page is made, which may be for seconds. All that time the old
// text stands there, whole. At the end it cuts the file to nothing and writes
// the new text, or, in newer versions, writes it over the old one and cuts off
// the rest. Then it closes the file. So:
//
//   - Who gets a shared flock reads a whole text. It must not be waited for in
//     the kernel, where a page that hangs would hold a thread for each request,
//     and it is held for one read, as PHP waits for it.
//   - Where PHP has the lock, or there are no locks, the text is whole except
//     in the moment of writing, whose every step changes the file's time or
//     length. So a text whose file has not changed for long enough is whole.
//   - A text of a page of memory or more is written page by page, and its
//     writer may be made to pause between two. What stands there meanwhile is
//     cut, or the beginning of the new text with the end of the old one, which
//     a visitor could fit together to say what neither does. On ext4, cutting a
//     file waits for the disk, so that an empty text may be one that was cut;
//     it may also be that of a new session, for which PHP's own reader would
//     wait. Both have to stand for longer than any such pause.
const (
	// settled is how long ago a file was written that nobody can be writing
	// now. It is long enough for file systems that count in seconds, and for
	// the clock of another machine.
	settled = 2 * time.Second
	// longPatience is how long a long text has to stand unchanged, and
	// emptyPatience an empty one, for which a busy disk may be to blame.
	longPatience  = 500 * time.Millisecond
	emptyPatience = 1500 * time.Millisecond
	// patience is how long a read waits for any other text to stand unchanged;
	// the longer it has waited, the shorter is the time that it asks for, as
	// pages that follow one another may leave none as much.
	patience = 100 * time.Millisecond
	// moment is the least that it asks for, until half of giveUp has passed. It
	// is longer than the steps of the clock that files get their times from.
	moment = 10 * time.Millisecond
	// giveUp is how long Read waits at most.
	giveUp = 2 * time.Second
	// longestPause is how long to wait between two looks.
	longestPause = 2 * time.Millisecond
	// pageSize is that of memory, or divides it.
	pageSize = 4096
)

// errWriting is a file that is being written all the time.
var errWriting = errors.New("file that is written without a pause")

// Read returns what the files of ids hold, in their order: nil for what is no
// session, and for one of more than rules.Limit bytes, whose length is in
// lengths, where all others are 0. Content of no bytes is not nil. It waits two
// seconds at most for all files that PHP is writing, and never for the lock.
//
// A link, and anything else that is not a regular file, is no session, and
// neither is a file of a user who is not among the owners. Errors do not name
// a path, which has the id.
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
	// All of them are waited for at once: a visitor may have many pages made.
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
	if missing { // Also where there is no such directory.
		if _, err := os.Stat(d.path); err != nil {
			return nil, nil, fmt.Errorf("reading the directory of session files: %w", withoutPath(err))
		}
	}
	return contents, lengths, nil
}

// A sight is what a file that may be being written looked like.
type sight struct {
	fs.FileInfo
	since time.Time // when it was first seen so
}

// still returns s as of now, where s, which may be nil, is what was seen
// before.
func (s *sight) still(info fs.FileInfo, now time.Time) *sight {
	if s != nil && os.SameFile(s.FileInfo, info) && s.Size() == info.Size() && s.ModTime().Equal(info.ModTime()) {
		return s
	}
	return &sight{info, now}
}

// whole reports whether no writer can be in the middle of the text, for a
// reader that began to wait at started.
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

// read returns the content of a file, or its length where that is beyond the
// limit. It returns a sight instead of a text that may not be whole; last is
// that of the time before, or nil.
func (r SessionFileRules) read(path string, last *sight, started time.Time) (content []byte, length int, next *sight, err error) {
	file, err := openSessionFile(path)
	if err != nil {
		// What the error means depends on whose file it is: others may have put
		// there what this process may not open.
		info, statErr := os.Lstat(path)
		if isNoSessionFile(err) || statErr == nil && !r.accept(info) {
			err = nil
		}
		return nil, 0, nil, err
	}
	defer file.Close() // That gives up the lock.
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

// accept reports whether PHP takes a file for a session, as ps_files_open asks.
// As root, PHP takes those of any owner, but not so here: a service that runs
// as root serves a site whose PHP does not.
func (r SessionFileRules) accept(info fs.FileInfo) bool {
	if !info.Mode().IsRegular() {
		return false
	}
	uid, ok := sessionFileOwner(info)
	return !ok || uid == 0 || slices.Contains(r.Owners, uid) || uid == os.Geteuid() || uid == os.Getuid()
}

// withoutPath returns what went wrong with a file, without its path.
func withoutPath(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
