//go:build !unix || aix || illumos || solaris

package joomla

import (
	"errors"
	"io/fs"
	"os"
)

// openSessionFile opens a regular file. A link may replace it between the check
// and the opening, which is detected afterwards.
func openSessionFile(path string) (*os.File, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fs.ErrNotExist
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if opened, err := file.Stat(); err != nil || !os.SameFile(info, opened) {
		return nil, errors.Join(fs.ErrNotExist, file.Close())
	}
	return file, nil
}

// isNoSessionFile reports whether there is no file to open.
func isNoSessionFile(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// lockSessionFile reports that there are no locks, so that only a text that has
// not changed for a while is complete.
func lockSessionFile(*os.File) bool { return false }

// sessionFileOwner reports that files have no known owner.
func sessionFileOwner(fs.FileInfo) (uid int, ok bool) { return 0, false }
