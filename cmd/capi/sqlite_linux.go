package main

import (
	"os"
	"path/filepath"
	"syscall"
)

// walForeign returns why a database in WAL mode must not be opened: the files
// that this process would create beside it would lock out its owner, or they are
// missing and this process may not create them.
func walForeign(file *os.File) error {
	path, err := filepath.EvalSymlinks(file.Name())
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	database, err := statOf(path)
	if err != nil {
		return err
	}
	parent, err := statOf(dir)
	if err != nil {
		return err
	}
	// SQLite creates them with the mode of the database and, as root, with its
	// owner.
	self, group := uint32(os.Geteuid()), uint32(os.Getegid())
	if parent.Mode&syscall.S_ISGID != 0 {
		group = parent.Gid
	}
	const write = 2 // W_OK
	switch {
	case self == 0 || self == database.Uid:
		return nil
	case syscall.Access(dir, write) != nil:
		for _, end := range []string{"-wal", "-shm"} {
			if _, err := os.Stat(path + end); err != nil {
				return errWALUnused
			}
		}
		return nil
	case database.Mode&syscall.S_IWOTH != 0 || database.Mode&syscall.S_IWGRP != 0 && group == database.Gid:
		return nil
	}
	return errWALForeign
}

func statOf(path string) (*syscall.Stat_t, error) {
	var stat syscall.Stat_t
	if err := syscall.Stat(path, &stat); err != nil {
		return nil, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	return &stat, nil
}
