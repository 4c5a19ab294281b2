package joomla

import (
	"bytes"
	"encoding/base64"
	"sync"

	"github.com/capi-go/capi/internal/phpserial"
)

// MaxNested is how deeply strings may be nested in each other and still be
// searched for secrets.
const MaxNested = 4

// maxPasses is how often a text is searched again because references made
// earlier values secret.
const maxPasses = 8

// A Masker overwrites the secrets of payloads. It is safe for concurrent use.
// Make one with NewMasker.
type Masker struct {
	pool sync.Pool // of *masker
}

// NewMasker returns a Masker for values with names of this package's list, or
// one of names.
func NewMasker(names ...string) *Masker {
	secret := newSecretNames(names)
	return &Masker{pool: sync.Pool{New: func() any { return &masker{names: secret} }}}
}

// Mask returns payload with its secrets overwritten: payload itself if it has
// none, or nil if it cannot be decoded or is ambiguous. It does not write to
// payload.
func (m *Masker) Mask(payload []byte) []byte {
	if len(payload) == 0 {
		return payload
	}
	w := m.pool.Get().(*masker)
	defer m.pool.Put(w)
	return w.mask(payload)
}

// A masker masks one payload after another, and reuses its memory.
type masker struct {
	names *secretNames
	// layers are the texts that are being searched, each in a string of the one
	// before: the session, perhaps a Registry, and those that strings hold.
	layers [3 + MaxNested]layer
	// last is the layer of a text in MaxNested strings.
	last int
}

// A layer is a text that is searched, and its masked copy.
type layer struct {
	reader phpserial.Reader
	// from is the text, and to its masked copy, nil until there is something to
	// mask.
	from, to []byte
	// spare is memory for to, if the result is copied from it and not returned.
	spare []byte
	// plain and starts are memory for an escaped text.
	plain  []byte
	starts []int
	// secrets are the slots of from that a secret refers to.
	secrets map[int]bool
	escaped bool
}

// mask returns p with its secrets overwritten, as Mask does.
func (m *masker) mask(p []byte) []byte {
	top := &m.layers[0]
	top.from, top.to, m.last = p, nil, MaxNested
	defer m.release()
	var ok bool
	if bytes.Contains(p, escapedNUL) {
		ok = m.ambiguous()
	} else {
		ok = m.session(false)
	}
	switch {
	case !ok:
		return nil
	case top.to != nil:
		return top.to
	default:
		return p
	}
}

// release drops the payload's memory, which the masker does not own.
func (m *masker) release() {
	for i := range m.layers {
		l := &m.layers[i]
		l.from, l.to = nil, nil
		l.reader.Reset(nil, false)
	}
	m.layers[0].spare = nil
}

// ambiguous masks a session that holds the six characters \0\0\0. If possible,
// Decode reads them as NUL * NUL. A text that can also be read with the
// characters as they are may have been crafted to hide something from one of
// the readings.
func (m *masker) ambiguous() bool {
	top := &m.layers[0]
	if !m.readable(top.from, false) {
		return m.session(true)
	}
	if m.readable(top.from, true) || !m.session(false) {
		return false
	}
	// Overwriting some of the six characters must not make the rest readable
	// the other way.
	return top.to == nil || !m.readable(top.to, true)
}

// readable reports whether all of text is a session.
func (m *masker) readable(text []byte, escaped bool) bool {
	r := &m.layers[0].reader
	r.ResetSession(text, escaped)
	for {
		if t, err := r.Next(); err != nil || t.Kind == phpserial.EOF {
			return err == nil
		}
	}
}

// session masks the session in the first layer.
func (m *masker) session(escaped bool) bool {
	m.layers[0].escaped = escaped
	return m.serialized(0, true)
}

// serialized masks the serialized text of a layer. It reports false if the text
// is malformed or ambiguous.
func (m *masker) serialized(level int, session bool) bool {
	l := &m.layers[level]
	clear(l.secrets)
	searched := 0
	for range maxPasses {
		known := len(l.secrets)
		if session {
			l.reader.ResetSession(l.from, l.escaped)
		} else {
			l.reader.Reset(l.from, false)
		}
		if !m.pass(level, &searched, session) {
			return false
		}
		if len(l.secrets) == known {
			return true
		}
	}
	return false
}

// pass walks over a serialized text once, and adds values that a secret refers
// to to the secrets of its layer. An earlier pass has searched the strings
// before searched: to search them again would multiply from layer to layer.
func (m *masker) pass(level int, searched *int, session bool) bool {
	const none = -1
	inside := none // the depth of the outermost secret container
	l := &m.layers[level]
	for {
		t, err := l.reader.Next()
		if err != nil {
			return false
		}
		switch t.Kind {
		case phpserial.EOF:
			return true
		case phpserial.End:
			if t.Depth == inside {
				inside = none
			}
			continue
		}
		registry := session && t.Depth == 1 && isRegistryVariable(&l.reader, t)
		secret := inside != none || m.secretKey(l, t) || len(l.secrets) > 0 && t.Slot > 0 && l.secrets[t.Slot]
		switch t.Kind {
		case phpserial.Array, phpserial.Object:
			if secret && inside == none {
				inside = t.Depth
			}
		case phpserial.String:
			first := t.Text.Start >= *searched
			*searched = max(*searched, t.Text.End)
			switch {
			case registry:
				if first && !m.registry(t.Text) {
					return false
				}
			case secret:
				l.overwrite(t.Text)
			case first:
				m.nested(level, t.Text)
			}
		case phpserial.Int, phpserial.Float:
			if secret {
				l.zero(t.Text)
			}
		case phpserial.Custom:
			l.overwrite(t.Text)
		case phpserial.Reference:
			if registry {
				return false // It may refer to a Registry that was read as a string.
			}
			// A reference to a value that contains it decodes to nil.
			if secret && !t.Open {
				if l.secrets == nil {
					l.secrets = map[int]bool{}
				}
				l.secrets[t.Target] = true
			}
		}
	}
}

// secretKey reports whether the key of t is the name of a secret.
func (m *masker) secretKey(l *layer, t *phpserial.Token) bool {
	if t.KeyKind != phpserial.StringKey && t.KeyKind != phpserial.PropertyKey {
		return false
	}
	var name []byte
	if t.Key.Coding == phpserial.Plain {
		name = l.from[t.Key.Start:t.Key.End]
	} else {
		name = l.reader.Append(nil, t.Key)
	}
	if t.KeyKind == phpserial.PropertyKey {
		name = phpserial.PropertyName(name)
	}
	return m.names.match(name)
}

// registry masks the Registry whose base64 text is at s of the session, and
// encodes it again. It reports false for anything but a Registry.
func (m *masker) registry(s phpserial.Span) bool {
	top, in := &m.layers[0], &m.layers[1]
	encoded, starts := top.from[s.Start:s.End], []int(nil)
	if s.Coding != phpserial.Plain {
		encoded, starts = unescape(nil, nil, encoded, codingOf(s.Coding))
	}
	serialized, err := appendBase64(in.plain[:0], encoded)
	if err != nil {
		return false
	}
	in.plain, in.from, in.to = serialized, serialized, nil
	m.last = MaxNested + 1
	ok := m.serialized(1, false)
	m.last = MaxNested
	if ok && in.to != nil {
		to := top.target()[s.Start:s.End]
		if starts == nil {
			base64.StdEncoding.Encode(to, in.to)
		} else {
			rewrite(to, encoded, base64.StdEncoding.AppendEncode(nil, in.to), starts, codingOf(s.Coding))
		}
	}
	return ok
}

// target returns the text of the layer that may be changed.
func (l *layer) target() []byte {
	if l.to == nil {
		l.to = append(l.spare[:0], l.from...)
		l.spare = l.to
	}
	return l.to
}

// overwrite replaces a string with as many asterisks as PHP counts bytes.
func (l *layer) overwrite(s phpserial.Span) {
	if s.Start == s.End {
		return
	}
	from, to := l.from[s.Start:s.End], l.target()[s.Start:s.End]
	for i := 0; i < len(from); {
		switch {
		case s.Coding == phpserial.Escaped && from[i] == '\\':
			copy(to[i:], `\2a`)
			i += len(`\2a`)
		case s.Coding == phpserial.EscapedNUL && bytes.HasPrefix(from[i:], escapedNUL):
			i += len(escapedNUL) // PHP counts three bytes, for which no other six characters are written.
		default:
			to[i] = '*'
			i++
		}
	}
}

// zero replaces every digit of a number with 0.
func (l *layer) zero(s phpserial.Span) {
	to := l.target()
	for i := s.Start; i < s.End; i++ {
		if c := to[i]; '0' <= c && c <= '9' {
			to[i] = '0'
		}
	}
}
