//go:build !purego

package php

// special is specialWords, sixteen bytes at a time with SSE2, which every amd64 has.
//
//go:noescape
func special(b *[blockSize]byte) uint64
