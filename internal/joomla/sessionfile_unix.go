//go:build unix && !aix && !illumos && !solaris

package joomla

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// openSessionFile opens a file without waiting for the writer of a FIFO or the
// holder of a lease. Like PHP, it does not follow links.
func openSessionFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
}

// isNoSessionFile reports whether a file could not be opened because it does
// not exist, or is a link, a socket or a device.
func isNoSessionFile(err error) bool {
	for _, none := range []error{fs.ErrNotExist, syscall.ELOOP, syscall.EMLINK, syscall.ENXIO, syscall.ENODEV} {
		if errors.Is(err, none) {
			return true
		}
	}
	return false
}

// lockSessionFile takes a shared lock. It reports false if another process has
// an exclusive one, or the file system has no locks.
func lockSessionFile(file *os.File) bool {
	conn, err := file.SyscallConn()
	if err != nil {
		return false
	}
	var lockErr error
	err = conn.Control(func(fd uintptr) {
		for {
			if lockErr = syscall.Flock(int(fd), syscall.LOCK_SH|syscall.LOCK_NB); lockErr != syscall.EINTR {
				return
			}
		}
	})
	return err == nil && lockErr == nil
}

// sessionFileOwner returns the user id of a file's owner.
func sessionFileOwner(info fs.FileInfo) (uid int, ok bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(stat.Uid), true
}
