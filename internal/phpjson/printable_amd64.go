//go:build !purego

package phpjson

// vectors says whether the processor has what putVectors is made of. All have since 2008.
var vectors = hasSSSE3AndPOPCNT()

func hasSSSE3AndPOPCNT() bool

// shuffles has, for each set of bytes to escape out of eight, the first one lowest, the order in which to take them, and
// the backslashes before them, from the eight and a backslash that follows them.
var shuffles = func() (table [1 << 8][16]byte) {
	for set := range table {
		n := 0
		for i := range 8 {
			if set>>i&1 != 0 {
				table[set][n] = 8
				n++
			}
			table[set][n] = byte(i)
			n++
		}
	}
	return table
}()

// putPrintable does what putBytes does.
func putPrintable(out, src []byte) (end, done int) {
	if !vectors {
		return putBytes(out, src)
	}
	end, done = putVectors(out, src, &shuffles)
	if rest := src[done:]; 0 < len(rest) && len(rest) < vectorSize {
		var last [vectorSize]byte // Zero is not printable, so what is not in rest is not written.
		copy(last[:], rest)
		lastEnd, lastDone := putVectors(out[end:], last[:], &shuffles)
		return end + lastEnd, done + lastDone
	}
	return end, done
}

// vectorSize is how many bytes putVectors takes at a time.
const vectorSize = 16

// putVectors does what putBytes does, but only for as long as there are vectorSize bytes left. The table is shuffles.
//
//go:noescape
func putVectors(out, src []byte, table *[1 << 8][16]byte) (end, done int)
