package main

import (
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTrustedProxies(t *testing.T) {
	var trusted trustedProxies
	for _, text := range []string{"10.0.0.0/8", "2001:db8::/32", "192.0.2.1", "unix"} {
		require.NoError(t, trusted.add(text))
	}
	for _, text := range []string{"", "localhost", "10.0.0.0/33", "10.0.0.0:80", "UNIX"} {
		require.Error(t, trusted.add(text), text)
	}
	for name, test := range map[string]struct {
		peer      string
		xff       []string
		forwarded []string
		want      string
	}{
		"no proxy":                   {"198.51.100.7:1234", nil, nil, "198.51.100.7"},
		"not a proxy that we trust":  {"198.51.100.7:1234", []string{"203.0.113.9"}, nil, "198.51.100.7"},
		"one proxy":                  {"10.0.0.1:1234", []string{"203.0.113.9"}, nil, "203.0.113.9"},
		"a single address":           {"192.0.2.1:1234", []string{"203.0.113.9"}, nil, "203.0.113.9"},
		"beside a single address":    {"192.0.2.2:1234", []string{"203.0.113.9"}, nil, "192.0.2.2"},
		"mapped":                     {"[::ffff:10.0.0.1]:1234", []string{"::ffff:203.0.113.9"}, nil, "203.0.113.9"},
		"two proxies":                {"10.0.0.1:1234", []string{"203.0.113.9, 10.0.0.2"}, nil, "203.0.113.9"},
		"made up by the client":      {"10.0.0.1:1234", []string{"1.2.3.4, 203.0.113.9"}, nil, "203.0.113.9"},
		"made up, in two lines":      {"10.0.0.1:1234", []string{"1.2.3.4", "203.0.113.9"}, nil, "203.0.113.9"},
		"the client is a proxy":      {"10.0.0.1:1234", []string{"10.0.0.3, 10.0.0.2"}, nil, "10.0.0.3"},
		"garbage":                    {"10.0.0.1:1234", []string{"<script>"}, nil, "10.0.0.1"},
		"garbage before a proxy":     {"10.0.0.1:1234", []string{"x\ny, 10.0.0.2"}, nil, "10.0.0.2"},
		"empty":                      {"10.0.0.1:1234", []string{""}, nil, "10.0.0.1"},
		"with a port":                {"10.0.0.1:1234", []string{"203.0.113.9:99"}, nil, "203.0.113.9"},
		"IPv6 with a zone":           {"10.0.0.1:1234", []string{"fe80::1%evil"}, nil, "fe80::1"},
		"forwarded":                  {"10.0.0.1:1234", nil, []string{"for=203.0.113.9;proto=https;by=10.0.0.1"}, "203.0.113.9"},
		"forwarded, IPv6":            {"[2001:db8::1]:1234", nil, []string{`For="[2001:db9::7]:4711"`}, "2001:db9::7"},
		"forwarded, two":             {"10.0.0.1:1234", nil, []string{"for=1.2.3.4, for=203.0.113.9, for=10.0.0.2"}, "203.0.113.9"},
		"forwarded, hidden":          {"10.0.0.1:1234", nil, []string{"for=1.2.3.4, for=_hidden, for=10.0.0.2"}, "10.0.0.2"},
		"forwarded, unknown":         {"10.0.0.1:1234", nil, []string{"for=unknown"}, "10.0.0.1"},
		"forwarded, without for":     {"10.0.0.1:1234", nil, []string{"for=1.2.3.4, proto=https"}, "10.0.0.1"},
		"forwarded, a quoted comma":  {"10.0.0.1:1234", nil, []string{`for="1.2.3.4, for=5.6.7.8`, "for=203.0.113.9"}, "203.0.113.9"},
		"both, of one opinion":       {"10.0.0.1:1234", []string{"203.0.113.9"}, []string{"for=203.0.113.9"}, "203.0.113.9"},
		"both, one from the client":  {"10.0.0.1:1234", []string{"203.0.113.9"}, []string{"for=1.2.3.4"}, "10.0.0.1"},
		"a Unix socket":              {"@", nil, nil, "unix"},
		"a Unix socket with a proxy": {"", []string{"203.0.113.9"}, nil, "203.0.113.9"},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			r.RemoteAddr = test.peer
			for _, line := range test.xff {
				r.Header.Add("X-Forwarded-For", line)
			}
			for _, line := range test.forwarded {
				r.Header.Add("Forwarded", line)
			}
			assert.Equal(t, test.want, trusted.remote(r))
		})
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = "@"
	r.Header.Set("X-Forwarded-For", "203.0.113.9")
	assert.Equal(t, "unix", new(trustedProxies).remote(r), "nobody is trusted unless told")
}
