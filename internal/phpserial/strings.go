package phpserial

import "bytes"

// escapedNUL is how Joomla up to 3.4.6 stores the three bytes NUL * NUL: these
// six characters, after PHP counted the three (JSessionStorageDatabase::write).
const escapedNUL = `\0\0\0`

// str reads a string, including the letter of its type and the semicolon.
func (r *Reader) str(coding Coding) (Span, error) {
	if r.at(r.pos+1) != ':' {
		return Span{}, r.expected(r.pos+1, ": after s")
	}
	r.pos += 2
	// The fast path for nearly every string. The code below reads or reports
	// the rest.
	if coding == Plain && !r.escapedNUL {
		p, n := r.pos, 0
		for p < len(r.data) && isDigit(r.data[p]) && n < 1<<24 {
			n = n*10 + int(r.data[p]-'0')
			p++
		}
		if end := p + 2 + n; p > r.pos && end+1 < len(r.data) &&
			r.data[p] == ':' && r.data[p+1] == '"' && r.data[end] == '"' && r.data[end+1] == ';' {
			r.pos = end + 2
			return Span{p + 2, end, Plain}, nil
		}
	}
	text, err := r.quoted(coding)
	if err != nil {
		return Span{}, err
	}
	if r.at(r.pos) != ';' {
		return Span{}, r.expected(r.pos, "; after a string")
	}
	r.pos++
	return text, nil
}

// class reads the letter of a type, the name of a class and the colon after it.
func (r *Reader) class() (Span, error) {
	if r.at(r.pos+1) != ':' {
		return Span{}, r.expected(r.pos+1, ": after the letter of a type")
	}
	r.pos += 2
	name, err := r.quoted(Plain)
	if err != nil {
		return Span{}, err
	}
	if name.Start == name.End || name.Coding != Plain {
		return Span{}, r.expected(name.Start, "the name of a class")
	}
	for i := name.Start; i < name.End; i++ {
		if c := r.data[i]; c < 0x7f && c != '\\' && c != '_' && !isDigit(c) && (c|0x20 < 'a' || c|0x20 > 'z') {
			return Span{}, r.expected(i, "a character of a class's name")
		}
	}
	// The name must not begin with a backslash: PHP looks up such a class and
	// then refuses it.
	if r.data[name.Start] == '\\' {
		return Span{}, r.expected(name.Start, "the name of a class")
	}
	if r.at(r.pos) != ':' {
		return Span{}, r.expected(r.pos, ": after the name of a class")
	}
	r.pos++
	return name, nil
}

func (r *Reader) enum() (Span, error) {
	if r.at(r.pos+1) != ':' {
		return Span{}, r.expected(r.pos+1, ": after E")
	}
	r.pos += 2
	name, err := r.quoted(Plain)
	if err != nil {
		return Span{}, err
	}
	colon := bytes.IndexByte(r.data[name.Start:name.End], ':')
	if colon < 1 || colon == name.End-name.Start-1 || name.Coding != Plain {
		return Span{}, r.expected(name.Start, "an enum's class and case with : between")
	}
	if r.at(r.pos) != ';' {
		return Span{}, r.expected(r.pos, "; after an enum")
	}
	r.pos++
	return name, nil
}

func (r *Reader) custom() (Span, error) {
	if _, err := r.class(); err != nil {
		return Span{}, err
	}
	at := r.pos
	n, err := r.length()
	if err != nil {
		return Span{}, err
	}
	if r.at(r.pos) != ':' || r.at(r.pos+1) != '{' {
		return Span{}, r.expected(r.pos, ":{ after a length")
	}
	r.pos += 2
	body, ok := r.take(n)
	if !ok {
		return Span{}, r.expected(at, "a length for which there is text left")
	}
	switch {
	case r.at(r.pos) == '}':
		r.pos++
	case n > 0 && r.data[r.pos-1] == '}':
		// The length includes the closing brace. PHP writes no such text, and
		// 8.2 refuses it, but the test vectors of this package decode it. The
		// body is opaque, so nothing else depends on where it ends.
		body.End--
	default:
		return Span{}, r.expected(r.pos, "} after the announced number of bytes")
	}
	return body, nil
}

// quoted reads a length, a colon, and that many bytes between double quotes.
func (r *Reader) quoted(coding Coding) (Span, error) {
	at := r.pos
	n, err := r.length()
	if err != nil {
		return Span{}, err
	}
	if r.at(r.pos) != ':' || r.at(r.pos+1) != '"' {
		return Span{}, r.expected(r.pos, `:" after a length`)
	}
	r.pos += 2
	var text Span
	var ok bool
	if coding == Escaped {
		text, ok = r.takeEscaped(n)
	} else {
		text, ok = r.take(n)
	}
	if !ok {
		return Span{}, r.expected(at, "a length for which there is text left")
	}
	if r.at(r.pos) != '"' {
		return Span{}, r.expected(r.pos, `" after the announced number of bytes`)
	}
	r.pos++
	return text, nil
}

// take skips n bytes, as PHP counts them.
func (r *Reader) take(n int) (Span, bool) {
	text := Span{r.pos, r.pos, Plain}
	if n > len(r.data)-r.pos {
		return text, false
	}
	if r.escapedNUL {
		for from := r.pos; ; {
			window := r.data[from:min(len(r.data), from+n+len(escapedNUL)-1)]
			i := bytes.Index(window, []byte(escapedNUL))
			if i < 0 {
				break
			}
			if n-i < 3 {
				return text, false // the string would end inside NUL * NUL
			}
			text.Coding = EscapedNUL
			from += i + len(escapedNUL)
			n -= i + 3
			r.pos = from
		}
		if n > len(r.data)-r.pos {
			return text, false
		}
	}
	r.pos += n
	text.End = r.pos
	return text, true
}

// takeEscaped skips n bytes, some of which may be written as \ and two
// hexadecimal digits. With Joomla's escapes of NUL, which are older than such
// strings, it refuses them, because they could be read in two ways.
func (r *Reader) takeEscaped(n int) (Span, bool) {
	text := Span{r.pos, r.pos, Escaped}
	if r.escapedNUL || n > len(r.data)-r.pos {
		return text, false
	}
	for range n {
		switch {
		case r.pos >= len(r.data):
			return text, false
		case r.data[r.pos] != '\\':
			r.pos++
		case isHex(r.at(r.pos+1)) && isHex(r.at(r.pos+2)):
			r.pos += 3
		default:
			return text, false
		}
	}
	text.End = r.pos
	return text, true
}

// Append appends to dst the bytes that s encodes.
func (r *Reader) Append(dst []byte, s Span) []byte {
	raw := r.data[s.Start:s.End]
	switch s.Coding {
	case Escaped:
		for i := 0; i < len(raw); i++ {
			if raw[i] == '\\' {
				dst = append(dst, unhex(raw[i+1])<<4|unhex(raw[i+2]))
				i += 2
			} else {
				dst = append(dst, raw[i])
			}
		}
		return dst
	case EscapedNUL:
		for {
			i := bytes.Index(raw, []byte(escapedNUL))
			if i < 0 {
				return append(dst, raw...)
			}
			dst = append(append(dst, raw[:i]...), 0, '*', 0)
			raw = raw[i+len(escapedNUL):]
		}
	default:
		return append(dst, raw...)
	}
}

// PropertyName removes the prefix by which PHP marks protected (NUL * NUL) and
// private (NUL class NUL) properties.
func PropertyName[T ~string | ~[]byte](name T) T {
	if len(name) > 0 && name[0] == 0 {
		for i := 1; i < len(name); i++ {
			if name[i] == 0 {
				return name[i+1:]
			}
		}
	}
	return name
}

func isHex(c byte) bool { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }

func unhex(c byte) byte {
	if isDigit(c) {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
