package phpjson

import "unicode/utf8"

// printable reports whether c is a character of ASCII other than a control character. The most that JSON wants of it is a
// backslash before it.
func printable(c byte) bool { return c >= ' ' && c < utf8.RuneSelf }

// backslashes has how many go before a printable byte. PHP escapes the slash, too.
var backslashes = [1 << 8]uint8{'"': 1, '/': 1, '\\': 1}

// printableSlack is how many bytes putPrintable may overwrite behind the end of what it writes.
const printableSlack = 32

// putBytes writes the printable bytes that src begins with to out, escaped as [AppendString] describes, and returns where
// they end in out and in src. There must be room in out for twice the bytes of src, and printableSlack.
//
// Whether a byte is escaped cannot be predicted, so it is not branched upon: the backslash is written in any case, and
// overwritten where it does not count.
func putBytes(out, src []byte) (end, done int) {
	for i, c := range src {
		if !printable(c) {
			return end, i
		}
		out[end] = '\\'
		end += int(backslashes[c])
		out[end] = c
		end++
	}
	return end, len(src)
}
