package joomla

import (
	"bytes"
	"encoding/base64"
	"errors"
	"sync"

	"github.com/capi-go/capi/internal/phpserial"
)

// maxNested is how many serialized values may be in strings of each other and still be searched.
const maxNested = 3

// maxPasses is how often a text may be searched because references made earlier values secret.
const maxPasses = 8

// masker overwrites the secrets of one payload after another, in memory that it keeps for the next.
type masker struct {
	readers [1 + maxNested]phpserial.Reader
	inner   *masker
	// serialized is the Registry that a payload holds as base64 text.
	serialized []byte

	// from is the text that is searched, and to the copy that is changed, nil until there is something to change.
	from, to []byte
	escaped  bool
	// spare is the memory for to where the result is copied from it and never handed out.
	spare []byte
}

// mask returns p with its secrets overwritten: p itself if it has none, nil if it cannot be decoded.
func (m *masker) mask(p []byte) []byte {
	m.from, m.to, m.escaped = p, nil, false
	defer m.release()
	ok := false
	if !bytes.Contains(p, escapedNUL) {
		ok = m.session()
	} else {
		ok = m.ambiguous()
	}
	if !ok {
		return nil
	}
	if m.to != nil {
		return m.to
	}
	return p
}

// release lets go of the payload's memory, which is not the masker's.
func (m *masker) release() {
	m.from, m.to = nil, nil
	for i := range m.readers {
		m.readers[i].Reset(nil, false)
	}
}

// ambiguous masks a text that holds the six characters of Joomla's masking. Decode reads it with them as NUL * NUL where
// it can. Text that can also be read with them as they are may have been made to hide something from one of the readings.
func (m *masker) ambiguous() bool {
	if !m.readable(m.from, false) {
		m.escaped = true
		return m.session()
	}
	if m.readable(m.from, true) || !m.session() {
		return false
	}
	// Overwriting some of the six characters must not have made the rest readable the other way.
	return m.to == nil || !m.readable(m.to, true)
}

func (m *masker) readable(text []byte, masked bool) bool {
	r := &m.readers[0]
	return wellFormed(r, func() { r.ResetSession(text, masked) })
}

// wellFormed reports whether the text that reset makes r read is one, to its end.
func wellFormed(r *phpserial.Reader, reset func()) bool {
	reset()
	for {
		t, err := r.Next()
		if err != nil {
			return false
		}
		if t.Kind == phpserial.EOF {
			return true
		}
	}
}

func (m *masker) session() bool {
	return m.search(func() { m.readers[0].ResetSession(m.from, m.escaped) }, 0, 0, true)
}

// search overwrites the secrets in the text that reset makes the reader of this level read. The text begins at offset at.
// It reports false if the text is malformed or its references lead too far.
func (m *masker) search(reset func(), at, nested int, session bool) bool {
	r := &m.readers[nested]
	searched := 0
	secrets := map[int]bool{} // the slots that a secret refers to
	for range maxPasses {
		known := len(secrets)
		reset()
		if m.pass(r, secrets, &searched, at, nested, session) != nil {
			return false
		}
		if len(secrets) == known {
			return true
		}
	}
	return false
}

// errLeftOut says that a text is well-formed, but that its secrets cannot all be found.
var errLeftOut = errors.New("capi: payload to be left out")

// pass goes through a text once, and adds to secrets what it finds a secret to refer to. Strings before searched have been
// searched by an earlier pass: once is enough for them, and more would multiply from level to level.
func (m *masker) pass(r *phpserial.Reader, secrets map[int]bool, searched *int, at, nested int, session bool) error {
	const none = -1
	inside := none // the depth of the outermost secret container
	for {
		t, err := r.Next()
		if err != nil {
			return err
		}
		if t.Kind == phpserial.End {
			if t.Depth == inside {
				inside = none
			}
			continue
		}
		if t.Kind == phpserial.EOF {
			return nil
		}
		var name []byte
		if t.KeyKind == phpserial.StringKey || t.KeyKind == phpserial.PropertyKey {
			name = m.name(r, t, at)
		}
		secret := inside != none || name != nil && secretName(name) || t.Slot > 0 && secrets[t.Slot]
		joomla := session && t.Depth == 1 && string(name) == registryVariable
		if joomla && (t.Kind == phpserial.Enum || t.Kind == phpserial.Custom || t.Kind == phpserial.Reference) {
			return errLeftOut // Each may decode to a string, which is then taken for the text of a Registry.
		}
		switch t.Kind {
		case phpserial.Array, phpserial.Object:
			if secret && inside == none {
				inside = t.Depth
			}
		case phpserial.String:
			first := t.Text.Start >= *searched
			*searched = max(*searched, t.Text.End)
			switch {
			case joomla:
				if t.Text.Coding != phpserial.Plain || first && !m.registry(t.Text.Start, t.Text.End) {
					return errLeftOut
				}
			case secret:
				m.overwrite(t.Text, at)
			case first && t.Text.Coding != phpserial.Escaped:
				if !m.text(at+t.Text.Start, at+t.Text.End, nested) {
					return errLeftOut
				}
			}
		case phpserial.Int, phpserial.Float:
			if secret {
				m.zero(at+t.Text.Start, at+t.Text.End)
			}
		case phpserial.Custom:
			m.overwrite(t.Text, at)
		case phpserial.Reference:
			if secret && !t.Open && !secrets[t.Target] {
				secrets[t.Target] = true
			}
		}
	}
}

// name returns the bare name that the key of t stands for.
func (m *masker) name(r *phpserial.Reader, t *phpserial.Token, at int) (name []byte) {
	if t.Key.Coding == phpserial.Plain {
		name = m.from[at+t.Key.Start : at+t.Key.End]
	} else {
		name = r.Append(nil, t.Key)
	}
	if t.KeyKind == phpserial.PropertyKey {
		name = phpserial.PropertyName(name)
	}
	return name
}

// target returns the text that may be changed.
func (m *masker) target() []byte {
	if m.to == nil {
		m.to = append(m.spare[:0], m.from...)
	}
	return m.to
}

// overwrite puts asterisks in a string's place, as many as PHP counts characters.
func (m *masker) overwrite(s phpserial.Span, at int) {
	start, end := at+s.Start, at+s.End
	if start == end {
		return
	}
	to := m.target()
	for i := start; i < end; {
		switch {
		case s.Coding == phpserial.Escaped && m.from[i] == '\\':
			copy(to[i:], `\2a`)
			i += len(`\2a`)
		case s.Coding == phpserial.EscapedNUL && bytes.HasPrefix(m.from[i:end], escapedNUL):
			i += len(escapedNUL) // these six count as three, so they must stay
		default:
			to[i] = '*'
			i++
		}
	}
}

func (m *masker) zero(start, end int) {
	to := m.target()
	for i := start; i < end; i++ {
		if c := to[i]; '0' <= c && c <= '9' {
			to[i] = '0'
		}
	}
}

// registry masks the Registry whose base64 text is at start, and encodes it again.
func (m *masker) registry(start, end int) bool {
	serialized, err := appendBase64(m.serialized[:0], m.from[start:end])
	if err != nil {
		return false
	}
	m.serialized = serialized
	if m.inner == nil {
		m.inner = new(masker)
	}
	in := m.inner
	in.from, in.to = serialized, nil
	ok := in.search(func() { in.readers[0].Reset(serialized, false) }, 0, 0, false)
	if ok && in.to != nil {
		base64.StdEncoding.Encode(m.target()[start:end], in.to)
		in.spare = in.to
	}
	return ok
}

// text looks for secrets in a string that holds JSON or a serialized value.
func (m *masker) text(start, end, nested int) bool {
	if end-start < len(`{"":""}`) {
		return true
	}
	switch m.from[start] {
	case '{', '[':
		m.json(start, end)
	case 'a', 'O':
		if m.from[start+1] != ':' || nested == maxNested {
			return true
		}
		r := &m.readers[nested+1]
		reset := func() { r.Reset(m.from[start:end], m.escaped) }
		return !wellFormed(r, reset) || m.search(reset, start, nested+1, false)
	}
	return true
}

// A Masker overwrites the secrets of payloads. It is safe for concurrent use. Make one with NewMasker.
type Masker struct {
	pool sync.Pool // of *masker
}

// NewMasker returns a Masker.
func NewMasker() *Masker {
	return &Masker{pool: sync.Pool{New: func() any { return new(masker) }}}
}

// Mask returns payload with its secrets overwritten: payload itself if it has none, nil if it cannot be decoded. It does
// not write to payload.
func (m *Masker) Mask(payload []byte) []byte {
	if len(payload) == 0 {
		return payload
	}
	w := m.pool.Get().(*masker)
	defer m.pool.Put(w)
	return w.mask(payload)
}
