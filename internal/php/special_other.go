//go:build !amd64 || purego

package php

func special(b *[blockSize]byte) uint64 { return specialWords(b) }
