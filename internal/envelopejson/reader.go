// Package envelopejson reads the answer of a session endpoint as it arrives,
// one session at a time.
//
// It reads one JSON text (RFC 8259), an object, in either of two forms:
//
//	{"msg": [ROW, …], "error": false, "status": 200}
//	{"0": ROW, "1": ROW, …, "error": false, "status": 200}
//
// A ROW is an object. Members may come in any order, and unknown ones are
// skipped. Of duplicate members error, status and msg (as text), the last
// counts. It refuses:
//
//   - a text that is cut off, or followed by anything but white space;
//   - a text without error or status, or with either of another type;
//   - two lists, or a list in both forms;
//   - rows by number whose numbers do not ascend;
//   - a row larger, or a value nested deeper, than the limits.
//
// Unlike encoding/json, it does not fold the case of the envelope's members.
package envelopejson

import (
	"errors"
	"fmt"
	"io"
	"strconv"
)

var (
	// ErrMalformed reports a text that is not JSON, or not an envelope with a
	// list.
	ErrMalformed = errors.New("not a session list")
	// ErrTooLarge reports a row, a name or a message beyond its limit.
	ErrTooLarge = errors.New("larger than the limit")
	// ErrTooDeep reports a value nested deeper than MaxDepth.
	ErrTooDeep = errors.New("nested too deeply")
	// ErrRefused reports a complete envelope whose error is true, or whose
	// status is not 200.
	ErrRefused = errors.New("the envelope holds an error")
)

const (
	// MaxDepth is how deep values may be nested, which is also what PHP's
	// json_decode takes by default.
	MaxDepth = 512
	// maxText is the maximal length of a member's name and of the message, in
	// JSON.
	maxText = 8 << 10
	// bufferSize is how much to read at a time.
	bufferSize = 64 << 10
)

// A Reader reads one envelope.
type Reader struct {
	scanner
	maxRow int
	err    error // the first one, which stays

	started, afterMember bool
	inList, afterRow     bool
	hasList, hasRows     bool
	lastRow              int64
	hasError, failed     bool
	hasStatus            bool
	status               int
	message              string
}

// NewReader returns a Reader of src. A row may take up to maxRow bytes of JSON.
func NewReader(src io.Reader, maxRow int) *Reader {
	return &Reader{scanner: scanner{src: src, buffer: make([]byte, min(bufferSize, maxRow+maxText)), keep: -1}, maxRow: maxRow}
}

// Status returns the status of the envelope, or 0 if none has been read.
func (r *Reader) Status() int { return r.status }

// Message returns the msg of the envelope if it is a text.
func (r *Reader) Message() string { return r.message }

// Next returns the JSON of the next row, an object, which is valid until the
// next call. The error is io.EOF at the end of a complete envelope that is not
// a refusal, and wraps io.ErrUnexpectedEOF if the source ends before the
// envelope does. Errors of the source are wrapped; all others wrap one of this
// package. They contain nothing of the text.
func (r *Reader) Next() ([]byte, error) {
	if r.err != nil {
		return nil, r.err
	}
	r.keep = -1
	row, err := r.next()
	switch {
	case err == nil:
		return row, nil
	case err == errEnd:
		r.err = io.EOF
	case err == io.EOF:
		r.err = fmt.Errorf("cut at byte %d: %w", r.offset+int64(r.pos), io.ErrUnexpectedEOF)
	case errors.Is(err, ErrRefused):
		r.err = err
	default:
		r.err = fmt.Errorf("at byte %d: %w", r.offset+int64(r.pos), err)
	}
	return nil, r.err
}

// errEnd marks a good end, unlike io.EOF of the source.
var errEnd = errors.New("end")

func (r *Reader) next() ([]byte, error) {
	if !r.started {
		if err := r.expect('{'); err != nil {
			return nil, err
		}
		r.started = true
	}
	for {
		if r.inList {
			more, err := r.more(']', &r.afterRow)
			if err != nil {
				return nil, err
			}
			if more {
				return r.row()
			}
			r.inList = false
		}
		more, err := r.more('}', &r.afterMember)
		if err != nil {
			return nil, err
		}
		if !more {
			return nil, r.end()
		}
		if row, err := r.member(); row != nil || err != nil {
			return row, err
		}
	}
}

// member reads a member of the envelope. If it is a row, it returns it.
func (r *Reader) member() ([]byte, error) {
	if c, err := r.peek(); err != nil {
		return nil, err
	} else if c != '"' {
		return nil, ErrMalformed
	}
	text, err := r.capture(maxText)
	if err != nil {
		return nil, err
	}
	name := string(Unquote(nil, text))
	if err := r.expect(':'); err != nil {
		return nil, err
	}
	first, err := r.peek()
	if err != nil {
		return nil, err
	}
	switch {
	case name == "msg" && first == '[':
		if r.hasList || r.hasRows {
			return nil, fmt.Errorf("%w: a second list", ErrMalformed)
		}
		r.pos++
		r.hasList, r.inList = true, true
	case name == "msg" && first == '"':
		text, err := r.capture(maxText)
		if err != nil {
			return nil, err
		}
		r.message = string(Unquote(nil, text))
	case name == "error":
		text, err := r.capture(maxText)
		if err != nil {
			return nil, err
		}
		if first != 't' && first != 'f' {
			return nil, fmt.Errorf("%w: error is not a boolean", ErrMalformed)
		}
		r.hasError, r.failed = true, string(text) == "true"
	case name == "status":
		text, err := r.capture(maxText)
		if err != nil {
			return nil, err
		}
		if r.status, err = strconv.Atoi(string(text)); err != nil {
			return nil, fmt.Errorf("%w: status is not a whole number", ErrMalformed)
		}
		r.hasStatus = true
	case isNumber(name):
		number, err := strconv.ParseInt(name, 10, 64)
		if r.hasList || err != nil || r.hasRows && number <= r.lastRow {
			return nil, fmt.Errorf("%w: a row out of place", ErrMalformed)
		}
		r.hasRows, r.lastRow = true, number
		return r.row()
	default:
		return nil, r.value(1)
	}
	return nil, nil
}

// isNumber reports whether name is an index as PHP writes it.
func isNumber(name string) bool {
	for i := range len(name) {
		if name[i] < '0' || name[i] > '9' {
			return false
		}
	}
	return name == "0" || name != "" && name[0] != '0'
}

func (r *Reader) row() ([]byte, error) {
	c, err := r.peek()
	if err != nil {
		return nil, err
	}
	if c != '{' {
		return nil, fmt.Errorf("%w: a row is not an object", ErrMalformed)
	}
	return r.capture(r.maxRow)
}

// end checks what follows the envelope, and its error and status.
func (r *Reader) end() error {
	switch _, err := r.peek(); {
	case err == nil:
		return fmt.Errorf("%w: text after the envelope", ErrMalformed)
	case err != io.EOF:
		return err
	}
	switch {
	case !r.hasError || !r.hasStatus:
		return fmt.Errorf("%w: no error or no status", ErrMalformed)
	case r.failed || r.status != 200:
		return ErrRefused
	case !r.hasList && !r.hasRows:
		return fmt.Errorf("%w: no list", ErrMalformed)
	}
	return errEnd
}
