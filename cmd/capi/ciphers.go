package main

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"

	"github.com/capi-go/capi"
)

// cipherSuites returns the TLS 1.2 suites that $dbsslcipher lists, or nil for
// Go's default. As in OpenSSL, to which PHP passes the list, TLS 1.3 suites stay
// enabled and unknown names are ignored. A list without a known name is an error,
// also if it has only keywords of OpenSSL, such as HIGH:!aNULL.
func cipherSuites(config capi.SiteConfig) ([]uint16, error) {
	// Joomla's PostgreSQL drivers do not read it.
	if config.DBSSLCipher == "" || config.Database() != capi.MySQL {
		return nil, nil
	}
	known := map[string]uint16{}
	for _, suite := range tls.CipherSuites() {
		if slices.Contains(suite.SupportedVersions, tls.VersionTLS12) {
			known[openSSLName(suite.Name)] = suite.ID
		}
	}
	var suites []uint16
	for name := range strings.FieldsFuncSeq(config.DBSSLCipher, func(r rune) bool { return strings.ContainsRune(":, ;", r) }) {
		if id, ok := known[name]; ok {
			suites = append(suites, id)
		}
	}
	if len(suites) == 0 {
		return nil, fmt.Errorf("the list %q has no cipher suite that Go supports ($dbsslcipher): "+
			"add one, such as ECDHE-RSA-AES256-GCM-SHA384, or leave it empty", config.DBSSLCipher)
	}
	return suites, nil
}

// openSSLName returns OpenSSL's name of a TLS 1.2 suite with forward secrecy,
// which are the ones that Go considers secure.
func openSSLName(name string) string {
	return strings.NewReplacer(
		"TLS_", "", "_WITH", "", "AES_128", "AES128", "AES_256", "AES256", "_CBC", "", "POLY1305_SHA256", "POLY1305", "_", "-",
	).Replace(name)
}
