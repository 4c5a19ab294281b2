package phpserial

func (r *Reader) boolean() error {
	if r.at(r.pos+1) != ':' || r.at(r.pos+2)|1 != '1' || r.at(r.pos+3) != ';' {
		return r.expected(r.pos, "b:0; or b:1;")
	}
	r.token.Int = int64(r.data[r.pos+2] - '0')
	r.pos += 4
	return nil
}

func (r *Reader) integer() (int64, Span, error) {
	start := r.pos
	if r.at(start+1) != ':' {
		return 0, Span{}, r.expected(start+1, ": after i")
	}
	p := start + 2
	negative := r.at(p) == '-'
	if negative || r.at(p) == '+' {
		p++
	}
	first := p
	var n uint64
	for p < len(r.data) && isDigit(r.data[p]) {
		if n > (1<<63)/10 {
			return 0, Span{}, r.expected(start, "an integer of 64 bits")
		}
		n = n*10 + uint64(r.data[p]-'0')
		p++
	}
	if p == first {
		return 0, Span{}, r.expected(p, "a digit")
	}
	if n > 1<<63 || n == 1<<63 && !negative {
		return 0, Span{}, r.expected(start, "an integer of 64 bits")
	}
	if r.at(p) != ';' {
		return 0, Span{}, r.expected(p, "; after an integer")
	}
	r.pos = p + 1
	if negative {
		n = -n
	}
	return int64(n), Span{start + 2, p, Plain}, nil
}

func (r *Reader) float() (Span, error) {
	start := r.pos
	if r.at(start+1) != ':' {
		return Span{}, r.expected(start+1, ": after d")
	}
	p := start + 2
	for _, word := range []string{"INF;", "-INF;", "NAN;"} {
		if len(r.data)-p >= len(word) && string(r.data[p:p+len(word)]) == word {
			r.pos = p + len(word)
			return Span{p, r.pos - 1, Plain}, nil
		}
	}
	if c := r.at(p); c == '-' || c == '+' {
		p++
	}
	whole := r.digits(p)
	end := p + whole
	fraction := 0
	if r.at(end) == '.' {
		fraction = r.digits(end + 1)
		end += 1 + fraction
	}
	if whole+fraction == 0 {
		return Span{}, r.expected(p, "a digit")
	}
	if c := r.at(end); c == 'e' || c == 'E' {
		end++
		if c := r.at(end); c == '-' || c == '+' {
			end++
		}
		n := r.digits(end)
		if n == 0 {
			return Span{}, r.expected(end, "a digit")
		}
		end += n
	}
	if r.at(end) != ';' {
		return Span{}, r.expected(end, "; after a float")
	}
	r.pos = end + 1
	return Span{start + 2, end, Plain}, nil
}

// length reads a number without a sign. It returns len(data)+1 for any number
// that is larger.
func (r *Reader) length() (int, error) {
	start := r.pos
	limit := int64(len(r.data)) + 1
	n := int64(0)
	for r.pos < len(r.data) && isDigit(r.data[r.pos]) {
		n = min(n*10+int64(r.data[r.pos]-'0'), limit)
		r.pos++
	}
	if r.pos == start {
		return 0, r.expected(start, "a number")
	}
	return int(n), nil
}

func (r *Reader) digits(from int) int {
	n := 0
	for from+n < len(r.data) && isDigit(r.data[from+n]) {
		n++
	}
	return n
}

func isDigit(c byte) bool { return c-'0' <= 9 }
