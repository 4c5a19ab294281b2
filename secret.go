package capi

// A Secret is a text that package fmt does not show, such as a password or a
// token. The zero value is the empty text. Secrets are not to be compared.
type Secret struct{ text *string }

// NewSecret returns text as a Secret.
func NewSecret(text string) Secret { return Secret{&text} }

// Reveal returns the text.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}
