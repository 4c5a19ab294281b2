package joomla

import (
	"bytes"
	"encoding/json"
)

// json masks the JSON text of a layer, which is valid, so that only strings,
// numbers and brackets need be told apart.
func (m *masker) json(level int) {
	l := &m.layers[level]
	text := l.from
	const none = -1
	inside := none // the depth of the outermost secret container
	depth := 0
	secret := false // whether the next value is secret
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '"':
			end := stringEnd(text, i)
			if k := skipSpace(text, end+1); k < len(text) && text[k] == ':' {
				secret = inside != none || m.secretJSONName(text[i:end+1])
				i = k + 1
				continue
			}
			m.jsonString(level, i+1, end, secret || inside != none)
			i = end + 1
		case c == '{' || c == '[':
			if secret && inside == none {
				inside = depth
			}
			depth++
			secret = false
			i++
		case c == '}' || c == ']':
			depth--
			if depth == inside {
				inside = none
			}
			i++
		case c == ',':
			secret = false
			i++
		case '0' <= c && c <= '9':
			// A number must not begin with 0, so its digits become 1.
			if secret || inside != none {
				l.target()[i] = '1'
			}
			i++
		default:
			i++
		}
	}
}

// stringEnd returns the index of the closing quote of the string that begins at
// i.
func stringEnd(text []byte, i int) int {
	for i++; text[i] != '"'; i++ {
		if text[i] == '\\' {
			i++
		}
	}
	return i
}

// jsonString masks the content of a JSON string.
func (m *masker) jsonString(level, start, end int, secret bool) {
	l := &m.layers[level]
	if !secret && (end-start < minNested || !mayOpen[l.from[start]] || m.inside(level, start, end, jsonString)) {
		return
	}
	to := l.target()
	for i := start; i < end; i++ {
		to[i] = '*'
	}
}

func skipSpace(text []byte, i int) int {
	for i < len(text) && (text[i] == ' ' || text[i] == '\t' || text[i] == '\n' || text[i] == '\r') {
		i++
	}
	return i
}

// secretJSONName reports whether a name in its JSON form is that of a secret.
func (m *masker) secretJSONName(quoted []byte) bool {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return m.names.match(quoted[1 : len(quoted)-1])
	}
	var name string
	return json.Unmarshal(quoted, &name) != nil || m.names.match([]byte(name))
}
