package joomla

import (
	"net/netip"
	"strings"
	"unicode"
)

// SplitHost splits the $host of a database as DatabaseDriver of Joomla does.
// What comes after the host is the port, or the path of a socket, which may
// also come alone; the result has port where there is none. It reports false
// for what is no host, such as a URL, and does not check the port. Joomla
// passes on "tcp://db", with which no driver of PHP can connect.
func SplitHost(host, port string) (string, string, bool) {
	if path, ok := strings.CutPrefix(host, "unix:"); ok && strings.HasPrefix(path, "/") {
		host = path
	}
	if _, err := netip.ParseAddr(host); err == nil { // With the colons of IPv6, or without any.
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
