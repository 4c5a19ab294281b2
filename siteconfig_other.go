//go:build !unix

package capi

// openWithoutWaiting is for systems where opening a file does not wait.
const openWithoutWaiting = 0
