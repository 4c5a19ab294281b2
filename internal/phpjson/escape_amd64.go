//go:build !purego

package phpjson

// vectors reports whether the processor has the instructions of putVectors. All
// have since 2008.
var vectors = hasSSSE3AndPOPCNT()

func hasSSSE3AndPOPCNT() bool

// escapes has, for each set of bytes to escape out of eight, first byte lowest,
// the order in which to pick the output from the eight bytes and a backslash
// after them.
var escapes = func() (table [1 << 8][16]byte) {
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

// kinds has, for each kind of four bytes, the order in which to take what there
// is of each: itself or the first digit, and three digits more. A number above
// 0x80 is a character of its own. The last is the length.
//
// Bit i and bit i+4 are the kind of byte i: 00 is written as it is, 01 with a
// backslash, 11 begins a sequence, and 10 continues one.
var kinds = func() (table [1 << 8][16]byte) {
	for kind := range table {
		var order []byte
		for i := range byte(4) {
			switch kind >> i & 0x11 {
			case 0x00:
				order = append(order, 4*i)
			case 0x01:
				order = append(order, 0x80|'\\', 4*i)
			case 0x11:
				order = append(order, 0x80|'\\', 0x80|'u', 4*i, 4*i+1, 4*i+2, 4*i+3)
			}
		}
		// Longer ones do not occur: a byte that begins is not followed by
		// another.
		table[kind][15] = byte(copy(table[kind][:15], order))
	}
	return table
}()

const (
	// vectorSize is how many bytes putVectors takes at a time.
	vectorSize = 16
	// lookahead is how many bytes it reads after them.
	lookahead = 3
	// stretch is how many bytes to write by character if vectors stop at an odd
	// one and do not pay.
	stretch = 256
)

// put does what putWords does.
func put(out, src []byte) (end int) {
	if !vectors {
		return putWords(out, src)
	}
	for {
		n, done := putVectors(out[end:], src, &escapes, &kinds)
		end, src = end+n, src[done:]
		if len(src) < vectorSize+lookahead && len(src) > 0 {
			var last [2 * vectorSize]byte // Zero is odd, so what is not in src is not written.
			copy(last[:], src)
			n, more := putVectors(out[end:], last[:], &escapes, &kinds)
			end, src, done = end+n, src[more:], done+more
		}
		if len(src) == 0 {
			return end
		}
		if done < vectorSize {
			n := Cut(src, stretch)
			end += putWords(out[end:], src[:n])
			src = src[n:]
			continue
		}
		n, done = putRunes(out[end:], src)
		end, src = end+n, src[done:]
	}
}

// putVectors writes the beginning of src, up to the first odd character (a
// control character, one of four bytes, or invalid bytes) or until fewer than
// vectorSize plus lookahead bytes are left. It returns the end in out and in
// src. The arguments are the tables of the same names.
//
//go:noescape
func putVectors(out, src []byte, escapes, kinds *[1 << 8][16]byte) (end, done int)
