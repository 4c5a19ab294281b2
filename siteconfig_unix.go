//go:build unix

package capi

import "syscall"

// openWithoutWaiting opens a named pipe at once, rather than when somebody
// writes to it.
const openWithoutWaiting = syscall.O_NONBLOCK
