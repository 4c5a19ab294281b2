//go:build unix

package capi

import "syscall"

// openWithoutWaiting opens a named pipe at once, instead of waiting for a
// writer.
const openWithoutWaiting = syscall.O_NONBLOCK
