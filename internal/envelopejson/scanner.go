package envelopejson

import (
	"io"
)

// A scanner checks and skips JSON values as they arrive. Its methods return
// io.EOF where the source ends within a value.
type scanner struct {
	src    io.Reader
	srcErr error  // what src said with its last bytes
	buffer []byte // buffer[pos:end] is not read yet
	pos    int
	end    int
	keep   int   // where the value begins that is wanted whole, or -1
	max    int   // how long that may get
	offset int64 // what came before buffer[0]
}

// capture reads a value and returns its text, of at most max bytes.
func (s *scanner) capture(max int) ([]byte, error) {
	s.keep, s.max = s.pos, max
	err := s.value(1)
	start := s.keep
	s.keep = -1
	if err != nil {
		return nil, err
	}
	if s.pos-start > max {
		return nil, ErrTooLarge
	}
	return s.buffer[start:s.pos], nil
}

// fill makes room and reads more. It is called when the buffer is used up.
func (s *scanner) fill() error {
	start := s.pos
	if s.keep >= 0 {
		start = s.keep
		if s.end-start > s.max {
			return ErrTooLarge
		}
		s.keep = 0
	}
	copy(s.buffer, s.buffer[start:s.end])
	s.offset += int64(start)
	s.pos -= start
	s.end -= start
	if s.end == len(s.buffer) {
		s.buffer = append(s.buffer, make([]byte, min(len(s.buffer), s.max+1-s.end))...)
	}
	for range 100 {
		if s.srcErr != nil {
			return s.srcErr
		}
		n, err := s.src.Read(s.buffer[s.end:])
		s.end += n
		s.srcErr = err
		if n > 0 {
			return nil
		}
	}
	return io.ErrNoProgress
}

// next returns the next byte without reading it.
func (s *scanner) next() (byte, error) {
	if s.pos == s.end {
		if err := s.fill(); err != nil {
			return 0, err
		}
	}
	return s.buffer[s.pos], nil
}

// peek skips white space and returns the byte that follows.
func (s *scanner) peek() (byte, error) {
	for {
		for s.pos < s.end {
			switch c := s.buffer[s.pos]; c {
			case ' ', '\t', '\n', '\r':
				s.pos++
			default:
				return c, nil
			}
		}
		if err := s.fill(); err != nil {
			return 0, err
		}
	}
}

// expect skips white space and reads want.
func (s *scanner) expect(want byte) error {
	c, err := s.peek()
	if err != nil {
		return err
	}
	if c != want {
		return ErrMalformed
	}
	s.pos++
	return nil
}

// more reads up to the next element of a list or object and returns true, or
// reads closing and returns false. It reads and sets after, which reports
// whether there was an element before.
func (s *scanner) more(closing byte, after *bool) (bool, error) {
	c, err := s.peek()
	if err != nil {
		return false, err
	}
	if c == closing {
		s.pos++
		return false, nil
	}
	if *after {
		if c != ',' {
			return false, ErrMalformed
		}
		s.pos++
	}
	*after = true
	return true, nil
}

// value reads a value inside depth others.
func (s *scanner) value(depth int) error {
	c, err := s.peek()
	if err != nil {
		return err
	}
	switch c {
	case '"':
		return s.string()
	case '{', '[':
		return s.container(c, depth)
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	}
	return s.number()
}

func (s *scanner) container(opening byte, depth int) error {
	if depth >= MaxDepth {
		return ErrTooDeep
	}
	s.pos++
	after := false
	for {
		more, err := s.more(opening+2, &after) // In ASCII, ] and } are two after [ and {.
		if err != nil || !more {
			return err
		}
		if opening == '{' {
			c, err := s.peek()
			if err != nil {
				return err
			}
			if c != '"' {
				return ErrMalformed
			}
			if err := s.string(); err != nil {
				return err
			}
			if err := s.expect(':'); err != nil {
				return err
			}
		}
		if err := s.value(depth + 1); err != nil {
			return err
		}
	}
}

func (s *scanner) string() error {
	s.pos++
	for {
		pos, buffer := s.pos, s.buffer[:s.end]
		for pos < len(buffer) && buffer[pos] != '"' && buffer[pos] != '\\' && buffer[pos] >= ' ' {
			pos++
		}
		s.pos = pos
		c, err := s.next()
		if err != nil {
			return err
		}
		switch {
		case c == '"':
			s.pos++
			return nil
		case c == '\\':
			s.pos++
			if err := s.escape(); err != nil {
				return err
			}
		case c < ' ':
			return ErrMalformed
		}
	}
}

// escape reads what follows a backslash.
func (s *scanner) escape() error {
	c, err := s.next()
	if err != nil {
		return err
	}
	s.pos++
	switch c {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return nil
	case 'u':
		for range 4 {
			c, err := s.next()
			if err != nil {
				return err
			}
			if _, ok := hex(c); !ok {
				return ErrMalformed
			}
			s.pos++
		}
		return nil
	}
	return ErrMalformed
}

func (s *scanner) literal(want string) error {
	for i := range len(want) {
		c, err := s.next()
		if err != nil {
			return err
		}
		if c != want[i] {
			return ErrMalformed
		}
		s.pos++
	}
	return nil
}

func (s *scanner) number() error {
	c, err := s.next()
	if err == nil && c == '-' {
		s.pos++
		c, err = s.next()
	}
	if err != nil {
		return err
	}
	if c == '0' {
		s.pos++
	} else if err := s.digits(); err != nil {
		return err
	}
	if c, err = s.next(); err == nil && c == '.' {
		s.pos++
		if err := s.digits(); err != nil {
			return err
		}
		c, err = s.next()
	}
	if err == nil && (c == 'e' || c == 'E') {
		s.pos++
		if c, err = s.next(); err == nil && (c == '+' || c == '-') {
			s.pos++
		}
		return s.digits()
	}
	return err // A number is always inside an object, so this end of the source is too early.
}

// digits reads one or more digits.
func (s *scanner) digits() error {
	for count := 0; ; count++ {
		c, err := s.next()
		if err != nil {
			return err
		}
		if c < '0' || c > '9' {
			if count == 0 {
				return ErrMalformed
			}
			return nil
		}
		s.pos++
	}
}
