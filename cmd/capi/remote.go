package main

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

// trustedProxies are the proxies that are believed about the address of a
// client, by their own. They implement the value of a flag.
type trustedProxies struct {
	prefixes []netip.Prefix
	// unix reports whether all who connect to a Unix socket are trusted. They
	// have no address.
	unix bool
}

// add adds an address, a CIDR prefix, or "unix".
func (t *trustedProxies) add(text string) error {
	if text == "unix" {
		t.unix = true
		return nil
	}
	prefix, err := netip.ParsePrefix(text)
	if address, addressErr := netip.ParseAddr(text); addressErr == nil {
		prefix, err = netip.PrefixFrom(address, address.BitLen()), nil
	}
	if err != nil {
		return fmt.Errorf("not an address, a CIDR prefix such as 10.0.0.0/8, or unix: %q", text)
	}
	t.prefixes = append(t.prefixes, prefix.Masked())
	return nil
}

// has reports whether address is that of a trusted proxy.
func (t *trustedProxies) has(address netip.Addr) bool {
	for _, prefix := range t.prefixes {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}

// remote returns the address of the client: the last one before which all
// others, from the connection backwards, are trusted proxies. It is "unix" for
// who connects to a Unix socket.
func (t *trustedProxies) remote(r *http.Request) string {
	remote := "unix"
	trusted := t.unix
	if peer, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		address := peer.Addr().Unmap().WithZone("")
		remote, trusted = address.String(), t.has(address)
	}
	if !trusted {
		return remote
	}
	forwarded := t.client(forwardedFor(r.Header.Values("Forwarded")))
	xForwardedFor := t.client(splitList(r.Header.Values("X-Forwarded-For")))
	switch {
	case !xForwardedFor.IsValid():
		xForwardedFor = forwarded
	case forwarded.IsValid() && forwarded != xForwardedFor:
		// A proxy sets one of them, and may pass on the other from a client.
		return remote
	}
	if xForwardedFor.IsValid() {
		return xForwardedFor.String()
	}
	return remote
}

// client returns the address of the client among hops, which each proxy adds to
// at the end. It is not valid if there is none.
func (t *trustedProxies) client(hops []string) (client netip.Addr) {
	for i := len(hops) - 1; i >= 0; i-- {
		address, ok := hopAddress(hops[i])
		if !ok {
			return client // Somebody who hides. What is before may be made up.
		}
		client = address
		if !t.has(address) {
			return client
		}
	}
	return client
}

// hopAddress returns the address of a hop, which may come with a port.
func hopAddress(hop string) (netip.Addr, bool) {
	if withPort, err := netip.ParseAddrPort(hop); err == nil {
		return withPort.Addr().Unmap().WithZone(""), true
	}
	hop = strings.TrimSuffix(strings.TrimPrefix(hop, "["), "]")
	address, err := netip.ParseAddr(hop)
	return address.Unmap().WithZone(""), err == nil
}

// splitList returns the members of the lists in several lines of a header.
func splitList(lines []string) []string {
	var members []string
	for _, line := range lines {
		for member := range strings.SplitSeq(line, ",") {
			members = append(members, strings.TrimSpace(member))
		}
	}
	return members
}

// forwardedFor returns the parameters for of a Forwarded header (RFC 7239). An
// element without one is a hop that hides. Addresses hold neither commas nor
// semicolons, so it does not matter where other values do: a part of one is no
// address, and the client's own if it looks like one.
func forwardedFor(lines []string) []string {
	var hops []string
	for _, element := range splitList(lines) {
		hop := ""
		for pair := range strings.SplitSeq(element, ";") {
			name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
			if strings.EqualFold(name, "for") {
				hop = strings.Trim(value, `"`)
			}
		}
		hops = append(hops, hop)
	}
	return hops
}
