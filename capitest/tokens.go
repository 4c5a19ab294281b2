package capitest

import (
	"fmt"
	"strings"
)

// A token of a query. Its kind is 'w' for a word, 'i' for a quoted identifier,
// 's' for text, 'n' for a number, 0 at the end, and the token's first byte for
// anything else.
type token struct {
	kind byte
	text string
}

// tokens returns the tokens of a query, without comments.
func tokens(query string) ([]token, error) {
	var list []token
	for i := 0; i < len(query); {
		c := query[i]
		rest := query[i:]
		n := 1
		switch {
		case strings.IndexByte(" \t\r\n", c) >= 0:
			i++
			continue
		case strings.HasPrefix(rest, "/*"):
			n = strings.Index(rest, "*/") + 2
			if n == 1 {
				return nil, fmt.Errorf("a comment without an end")
			}
			i += n
			continue
		case c == '`' || c == '"' || c == '\'':
			end := strings.IndexByte(rest[1:], c)
			if end < 0 || strings.HasPrefix(rest[end+2:], string(c)) {
				return nil, fmt.Errorf("a quote in a quoted text, or none at its end")
			}
			kind := byte('i')
			if c == '\'' {
				kind = 's'
			}
			list = append(list, token{kind, rest[1 : end+1]})
			i += end + 2
			continue
		case isDigit(c):
			for n < len(rest) && isDigit(rest[n]) {
				n++
			}
			list = append(list, token{'n', rest[:n]})
		case isWord(c):
			for n < len(rest) && (isWord(rest[n]) || isDigit(rest[n])) {
				n++
			}
			list = append(list, token{'w', rest[:n]})
		default:
			for _, operator := range []string{"<>", "<=", ">="} {
				if strings.HasPrefix(rest, operator) {
					n = 2
				}
			}
			list = append(list, token{c, rest[:n]})
		}
		i += n
	}
	return append(list, token{}), nil
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' || c == '@'
}
