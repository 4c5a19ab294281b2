//go:build !amd64 || purego

package phpjson

func put(out, src []byte) (end int) { return putWords(out, src) }
