package capi

import "fmt"

// A Secret is a text that stays hidden when it is printed, logged or
// marshalled: fmt with any verb, log/slog, encoding/json and every other
// package that uses [encoding.TextMarshaler] show "[hidden]", or nothing if it
// is empty. A package that cannot call its methods, as with unexported fields,
// shows an address. The zero value is the empty Secret.
//
// Compare the results of Reveal, not Secrets with ==. A Secret is immutable,
// and safe for concurrent use.
type Secret struct {
	// text is a pointer because fmt prints a pointer inside another value as an
	// address.
	text *string
}

// NewSecret returns a Secret that holds text.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{text: &text}
}

// Reveal returns the text.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// hidden returns what to show for s.
func (s Secret) hidden() string {
	if s.text == nil {
		return ""
	}
	return "[hidden]"
}

// Format implements [fmt.Formatter]. All verbs are alike.
func (s Secret) Format(state fmt.State, _ rune) { fmt.Fprint(state, s.hidden()) }

// MarshalText implements [encoding.TextMarshaler]. The error is always nil.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.hidden()), nil }
