package joomla

import (
	"bytes"
	"encoding/base64"
	"errors"

	"github.com/capi-go/capi/internal/phpserial"
)

// A Version is a generation of Joomla, as far as reading sessions is concerned.
type Version int8

const (
	// UnknownVersion means that only what every version of Joomla reads counts.
	UnknownVersion Version = iota
	// Joomla3 is 3.x. Every 3.x is treated as 3.15, which also reads the form
	// before 3.4.7.
	Joomla3
	// Joomla4 is 4 and later.
	Joomla4
)

// Major returns the major version, or 0 for UnknownVersion.
func (v Version) Major() int {
	switch v {
	case Joomla3:
		return 3
	case Joomla4:
		return 4
	}
	return 0
}

// A SessionFormat says how a site's version of Joomla reads the text of a
// session.
type SessionFormat struct {
	Version Version
	// PHPSerialize reports whether PHP's session.serialize_handler is
	// php_serialize, rather than php.
	PHPSerialize bool
	// Table reports whether the text comes from the column data of the table,
	// where Joomla 3 writes NUL * NUL as \0\0\0.
	Table bool
}

// errNotJoomlas is the error of a text that PHP or Joomla fails to read.
var errNotJoomlas = errors.New("not a session that the site's Joomla reads")

// The wanted elements of a Registry. Joomla 4 and later use the bare names, or
// the prefix __ of Joomla 3's namespaces; both use the namespace __default.
var (
	wantedSession = []wanted{{"counter", nil}, {"timer", []wanted{{"now", nil}}}}
	wantedFactor  = []wanted{{"mfa_checked", nil}, {"mandatory_mfa_setup", nil}}
	wantedUser    = []wanted{{"id", nil}}
	wantedValues  = []wanted{
		{"user", wantedUser}, {"session", wantedSession}, {"com_users", wantedFactor},
		{"__session", wantedSession}, {"__com_users", wantedFactor},
		{"__default", []wanted{{"user", wantedUser}, {"session", wantedSession}, {"com_users", wantedFactor}}},
	}
	wantedRegistry = wanted{"", []wanted{{"data", wantedValues}, {"separator", nil}}}
	// Before 3.4.7, names are joined by dots.
	wantedVariables = wanted{"", []wanted{
		{"joomla", nil},
		{"__default", []wanted{{"user", wantedUser}, {"session.counter", nil}, {"session.timer.now", nil}}},
	}}
)

// sessionValues are the values of a session, by Joomla's names.
type sessionValues struct {
	version Version
	// data is the data of the Registry.
	data *node
	// before347 is the variable __default, nil if it does not count.
	before347 *node
}

// values returns the values in the text of a session.
func (f SessionFormat) values(text []byte) (sessionValues, error) {
	if f.Table && f.Version == Joomla3 && bytes.Contains(text, escapedNUL) {
		text = bytes.ReplaceAll(text, escapedNUL, []byte("\x00*\x00"))
	}
	var r nodeReader
	variables, err := f.readVariables(&r, text)
	if err != nil {
		return sessionValues{}, err
	}
	v := sessionValues{version: f.Version, data: &node{kind: phpserial.Object, text: []byte("stdClass")}}
	if encoded := variables.get("joomla"); !encoded.isEmpty() {
		if encoded.kind != phpserial.String {
			return sessionValues{}, errNotJoomlas
		}
		if v.data, err = f.readRegistry(&r, encoded.text); err != nil {
			return sessionValues{}, err
		}
	}
	if f.Version == Joomla3 {
		v.before347 = variables.get("__default")
	}
	return v, nil
}

// readVariables returns the wanted variables of a session.
func (f SessionFormat) readVariables(r *nodeReader, text []byte) (*node, error) {
	r.ResetSession(text, false)
	r.Skim()
	variables, err := r.read(text, 0, &wantedVariables)
	if err != nil {
		return nil, err
	}
	// Only one of the two forms begins like an array.
	if f.PHPSerialize != r.Serialized() {
		return nil, errNotJoomlas
	}
	return variables, nil
}

// readRegistry returns the data of the Registry whose base64 text is given.
func (f SessionFormat) readRegistry(r *nodeReader, encoded []byte) (*node, error) {
	serialized := decodeBase64(encoded)
	r.Reset(serialized, false)
	r.Skim()
	registry, err := r.read(serialized, 0, &wantedRegistry)
	if err != nil {
		return nil, err
	}
	if registry == nil || registry.kind != phpserial.Object || !f.isRegistry(registry.text) {
		return nil, errNotJoomlas
	}
	references := maxReferences
	if err := r.follow(serialized, registry, &wantedRegistry, &references); err != nil {
		return nil, err
	}
	// Paths are split at it.
	if separator := registry.get("separator"); separator != nil &&
		(separator.kind != phpserial.String || string(separator.text) != ".") {
		return nil, errNotJoomlas
	}
	data := registry.get("data")
	if data == nil {
		return nil, errNotJoomlas
	}
	return data, nil
}

// isRegistry reports whether objects of class are a Registry. PHP compares the
// names of classes in any case; JRegistry is an alias that Joomla 3 has loaded.
func (f SessionFormat) isRegistry(class []byte) bool {
	return bytes.EqualFold(class, registryClasses[0].name) || f.Version == Joomla3 && bytes.Equal(class, registryClasses[1].name)
}

// isUser reports whether objects of class are a user. Classes that PHP has yet
// to load are looked up as files, in exact case.
func (f SessionFormat) isUser(class []byte) bool {
	return string(class) == `Joomla\CMS\User\User` || f.Version == Joomla3 && string(class) == "JUser"
}

// decodeBase64 decodes like PHP's base64_decode, which skips everything outside
// the alphabet, including padding, and drops remaining bits.
func decodeBase64(text []byte) []byte {
	decoded := make([]byte, len(text)/4*3+3)
	if n, err := base64.StdEncoding.Decode(decoded, text); err == nil {
		return decoded[:n]
	}
	digits := bytes.Map(func(c rune) rune {
		switch {
		case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '+', c == '/':
			return c
		}
		return -1
	}, text)
	n, _ := base64.RawStdEncoding.Decode(decoded, digits) // It fails only at a single last digit.
	return decoded[:n]
}
