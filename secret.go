package capi

import "fmt"

// A Secret is a text that stays hidden where it is printed, logged or
// marshalled: package fmt with any verb, log/slog, encoding/json and every
// other that uses [encoding.TextMarshaler] show "[hidden]", or nothing if it is
// empty. Where such a package cannot call its methods, as with unexported
// fields, it shows an address. The zero value is the empty Secret.
//
// Compare what Reveal returns, not Secrets with ==. A Secret is immutable, and
// safe for concurrent use.
type Secret struct {
	// text is a pointer because fmt prints one within another value as an
	// address.
	text *string
}

// NewSecret returns the Secret of the text.
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

// hidden returns what is shown of s.
func (s Secret) hidden() string {
	if s.text == nil {
		return ""
	}
	return "[hidden]"
}

// Format implements [fmt.Formatter], for every verb alike.
func (s Secret) Format(state fmt.State, _ rune) { fmt.Fprint(state, s.hidden()) }

// MarshalText implements [encoding.TextMarshaler]. The error is always nil.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.hidden()), nil }
