package joomla

import "encoding/json"

// json overwrites the secrets of a string that is a JSON text. A string that is none is left alone.
func (m *masker) json(start, end int) {
	text := m.from[start:end]
	if !json.Valid(text) {
		return
	}
	// The text is valid: what follows need only tell strings, numbers and brackets apart.
	const none = -1
	inside := none // the depth of the outermost secret container
	depth := 0
	secret := false // whether the value to come is one
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '"':
			j := i + 1
			for text[j] != '"' {
				if text[j] == '\\' {
					j++
				}
				j++
			}
			if k := skipSpace(text, j+1); k < len(text) && text[k] == ':' {
				secret = inside != none || secretJSONName(text[i:j+1])
				i = k + 1
				continue
			}
			if secret || inside != none {
				to := m.target()[start:end]
				for k := i + 1; k < j; k++ {
					to[k] = '*'
				}
			}
			i = j + 1
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
				m.target()[start+i] = '1'
			}
			i++
		default:
			i++
		}
	}
}

func skipSpace(text []byte, i int) int {
	for i < len(text) && (text[i] == ' ' || text[i] == '\t' || text[i] == '\n' || text[i] == '\r') {
		i++
	}
	return i
}

// secretJSONName is secretName for a name as JSON writes it.
func secretJSONName(quoted []byte) bool {
	for _, c := range quoted {
		if c == '\\' {
			var name string
			if json.Unmarshal(quoted, &name) != nil {
				return true
			}
			return secretName([]byte(name))
		}
	}
	return secretName(quoted)
}
