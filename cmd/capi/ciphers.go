package main

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"

	"github.com/capi-go/capi"
)

// cipherSuites returns the suites of TLS 1.2 that $dbsslcipher lists, or nil
// for those of Go. As in OpenSSL, which PHP hands the list to, those of TLS 1.3
// stay, and a name that is not known is passed over, but not a list without a
// known name. Such are lists of OpenSSL's keywords alone, as HIGH:!aNULL.
func cipherSuites(config capi.SiteConfig) ([]uint16, error) {
	// Joomla's drivers for PostgreSQL do not read it.
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
		return nil, fmt.Errorf("no cipher suite of Go in the list %q ($dbsslcipher): "+
			"add one, such as ECDHE-RSA-AES256-GCM-SHA384, or leave it empty", config.DBSSLCipher)
	}
	return suites, nil
}

// openSSLName returns the name that OpenSSL has for a suite of TLS 1.2 with
// forward secrecy, which are those that Go holds for secure.
func openSSLName(name string) string {
	return strings.NewReplacer(
		"TLS_", "", "_WITH", "", "AES_128", "AES128", "AES_256", "AES256", "_CBC", "", "POLY1305_SHA256", "POLY1305", "_", "-",
	).Replace(name)
}
