// Package origin checks the origins that a CORS policy names.
//
// It accepts what a browser could send in the header Origin: scheme, "://",
// host and port as the URL standard serializes them
// (https://url.spec.whatwg.org, sections 3, "Hosts", and 4, "URLs"), without
// the scheme's default port. A host is one of these:
//
//   - a name with labels of lower-case ASCII letters, digits, hyphens and
//     underscores, in the form of IDNA;
//   - an IPv4 address of four decimal numbers;
//   - an IPv6 address in brackets, in its shortest form.
//
// So each origin has only one text, and policies can compare bytes. It refuses:
//
//   - the opaque origin, null, and schemes whose pages have it, such as file
//     and data;
//   - user, path, query and fragment, even empty ones;
//   - upper case, escapes, characters outside ASCII, and spaces;
//   - ports that are the scheme's default, 0, or written with a sign or leading
//     zeros;
//   - IP addresses in any other form, such as https://127.1, and of IPv4 in
//     brackets;
//   - patterns, such as https://*.example.org, and lists.
package origin

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Valid reports whether a browser could send origin.
func Valid(origin string) bool {
	scheme, rest, ok := strings.Cut(origin, "://")
	if !ok || !validScheme(scheme) {
		return false
	}
	standard := map[string]string{"http": "80", "https": "443", "ws": "80", "wss": "443", "ftp": "21"}
	special := standard[scheme] != ""
	if inside, ok := strings.CutPrefix(rest, "["); ok {
		ip, port, ok := strings.Cut(inside, "]")
		addr, err := netip.ParseAddr(ip)
		return ok && err == nil && addr.Is6() && addr.Zone() == "" && serializeIPv6(addr) == ip &&
			(port == "" || port[0] == ':' && validPort(port[1:], standard[scheme]))
	}
	host, port, hasPort := strings.Cut(rest, ":")
	if hasPort && !validPort(port, standard[scheme]) {
		return false
	}
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	for _, label := range labels {
		if label == "" || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	// A host that ends in a number is an IPv4 address in some form.
	last := labels[len(labels)-1]
	if special && (strings.Trim(last, "0123456789") == "" || strings.HasPrefix(last, "0x") &&
		strings.Trim(last[2:], "0123456789abcdef") == "") {
		addr, err := netip.ParseAddr(host)
		return err == nil && addr.String() == host
	}
	return true
}

// validScheme reports whether origins can have the scheme. Pages of files,
// scripts and data have an opaque origin, which is sent as null.
func validScheme(scheme string) bool {
	switch scheme {
	case "", "about", "blob", "data", "file", "javascript", "mailto", "view-source":
		return false
	}
	return scheme[0] >= 'a' && scheme[0] <= 'z' && strings.Trim(scheme, "abcdefghijklmnopqrstuvwxyz0123456789+-.") == ""
}

// validPort reports whether port is in the form of a browser, which leaves out
// the scheme's default.
func validPort(port, standard string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0 && strconv.FormatUint(n, 10) == port && port != standard
}

// serializeIPv6 returns addr as the URL standard writes it: unlike in package
// netip, never with an IPv4 address at its end.
func serializeIPv6(addr netip.Addr) string {
	if !addr.Is4In6() {
		return addr.String()
	}
	b := addr.As16()
	return fmt.Sprintf("::ffff:%x:%x", uint16(b[12])<<8|uint16(b[13]), uint16(b[14])<<8|uint16(b[15]))
}
