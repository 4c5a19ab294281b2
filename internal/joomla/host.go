package joomla

import (
	"net/netip"
	"strings"
	"unicode"
)

// SplitHost splits the $host of a database as Joomla's DatabaseDriver does. The
// host may be followed by a port or by the path of a socket, which may also
// stand alone. If there is neither, the result has the given port. SplitHost
// reports false for what is not a host, such as a URL, and does not check the
// port. Joomla passes on "tcp://db", but no PHP driver can connect to it.
func SplitHost(host, port string) (string, string, bool) {
	if path, ok := strings.CutPrefix(host, "unix:"); ok && strings.HasPrefix(path, "/") {
		host = path
	}
	if _, err := netip.ParseAddr(host); err == nil { // An IPv6 address has colons of its own.
		return host, port, true
	}
	if strings.HasPrefix(host, "/") {
		return "", host, true
	}
	if inside, ok := strings.CutPrefix(host, "["); ok {
		ip, rest, ok := strings.Cut(inside, "]")
		_, err := netip.ParseAddr(ip)
		after, colon := strings.CutPrefix(rest, ":")
		if colon {
			port = after
		}
		return ip, port, ok && err == nil && (colon || rest == "") && !strings.HasPrefix(after, "//")
	}
	before, after, ok := strings.Cut(host, ":")
	if ok {
		host, port = before, after
	}
	return host, port, !strings.HasPrefix(after, "//") && !strings.ContainsFunc(host, func(r rune) bool {
		return r != '.' && r != '-' && r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
}
