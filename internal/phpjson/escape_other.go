//go:build !amd64 || purego

package phpjson

// put does what putWords does.
func put(out, src []byte) (end int) { return putWords(out, src) }
