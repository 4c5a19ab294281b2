//go:build !linux

package main

import "os"

// walForeign knows nothing of the rights of this system.
func walForeign(*os.File) error { return nil }
