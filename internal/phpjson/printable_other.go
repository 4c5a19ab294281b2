//go:build !amd64 || purego

package phpjson

// putPrintable does what putBytes does.
func putPrintable(out, src []byte) (end, done int) { return putBytes(out, src) }
