//go:build !amd64 || purego

package php

// putPrintable does what putBytes does.
func putPrintable(out, src []byte) (end, done int) { return putBytes(out, src) }
