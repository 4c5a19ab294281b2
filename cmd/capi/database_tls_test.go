package main

import (
	"crypto/tls"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/internal/tlstest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestDatabaseTLS checks and serves sites of servers whose certificates are
// signed by an authority of the test. The account "encrypted" requires TLS,
// "certified" a certificate of that authority, and "ciphered" one cipher suite
// of TLS 1.2. Only configuration.php decides how the program connects.
func TestDatabaseTLS(t *testing.T) {
	const allowed, other = "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256"
	type properties = map[string]any
	for dialect, account := range map[string]string{"mysqli": "mysql", "pgsql": "postgres"} {
		t.Run(dialect, func(t *testing.T) {
			server := newOwnServer(t, account)
			authority, stranger := tlstest.New(t, server.home, "authority", nil), tlstest.New(t, server.home, "stranger", nil)
			ours, certified := tlstest.New(t, server.home, "server", authority), tlstest.New(t, server.home, "certified", authority)
			uncertified := tlstest.New(t, t.TempDir(), "certified", stranger)
			server.own(t, ours.KeyFile)

			verified := properties{"user": "encrypted", "dbencryption": 1, "dbsslverifyservercert": true, "dbsslca": authority.CertFile}
			with := func(change properties) properties {
				all := maps.Clone(verified)
				maps.Copy(all, change)
				return all
			}
			type test struct {
				name       string
				properties properties
				refused    string // what check says, or empty for a site that is served
			}
			tests := []test{
				{"verified", verified, ""},
				{"not verified", properties{"user": "encrypted", "dbencryption": 1}, ""},
				{"clear text", properties{"user": "encrypted"}, "Access denied|no encryption"},
				{"another authority", with(properties{"dbsslca": stranger.CertFile}), "unknown authority"},
				{"authorities of the system", with(properties{"dbsslca": ""}), "unknown authority"},
				{"certified", with(properties{"user": "certified", "dbencryption": 2, "dbsslcert": certified.CertFile, "dbsslkey": certified.KeyFile}), ""},
				{"not certified", with(properties{"user": "certified"}), "Access denied|valid client certificate"},
				{"certified by another authority", with(properties{"user": "certified", "dbencryption": 2,
					"dbsslcert": uncertified.CertFile, "dbsslkey": uncertified.KeyFile}), "unknown ca|certificate|broken pipe|reset"},
			}
			if dialect == "mysqli" {
				server.startMariaDB(t, "--tls-version=TLSv1.2", "--ssl-ca="+authority.CertFile, "--ssl-cert="+ours.CertFile, "--ssl-key="+ours.KeyFile)
				t.Setenv("CAPI_MYSQL_DSN", "root@tcp("+server.address+")/test")
				tests = append(tests,
					test{"the cipher", with(properties{"user": "ciphered", "dbsslcipher": "HIGH:" + allowed}), ""},
					test{"another cipher", with(properties{"user": "ciphered", "dbsslcipher": other}), "Access denied"},
					test{"no cipher", with(properties{"user": "ciphered", "dbsslcipher": "HIGH:!aNULL"}), `the list "HIGH:!aNULL" has no cipher suite that Go supports`},
				)
			} else {
				rules := filepath.Join(server.home, "hba.conf")
				require.NoError(t, os.WriteFile(rules, []byte("host all postgres 127.0.0.1/32 trust\n"+
					"hostssl all encrypted 127.0.0.1/32 trust\nhostssl all certified 127.0.0.1/32 cert\n"), 0o644))
				server.startPostgreSQL(t, "-c", "ssl=on", "-c", "ssl_ca_file="+authority.CertFile, "-c", "ssl_cert_file="+ours.CertFile,
					"-c", "ssl_key_file="+ours.KeyFile, "-c", "hba_file="+rules)
				t.Setenv("PGSSLMODE", "disable") // This counts where configuration.php says nothing.
				t.Setenv("CAPI_POSTGRES_DSN", "postgres://postgres@"+server.address+"/postgres?sslmode=disable")
			}
			site := newSiteOf(t, dialect)
			for name, requirement := range map[string]string{"encrypted": "SSL", "certified": "X509", "ciphered": "CIPHER '" + allowed + "'"} {
				if dialect == "mysqli" {
					site.Exec(t, "CREATE USER "+name+"@'%' REQUIRE "+requirement)
					site.Exec(t, "GRANT SELECT ON test.* TO "+name+"@'%'")
				} else {
					site.Exec(t, "CREATE ROLE "+name+" LOGIN IN ROLE pg_read_all_data")
				}
			}
			for _, test := range tests {
				t.Run(test.name, func(t *testing.T) {
					php := site.php(test.properties)
					output, err := exec.CommandContext(t.Context(), "capi", "check", "--config", writePHP(t, php)).CombinedOutput()
					if test.refused != "" {
						require.Error(t, err, "%s", output)
						assert.Regexp(t, test.refused, string(output))
						return
					}
					require.NoError(t, err, "%s", output)
					assert.Contains(t, string(output), ", with TLS")
					program := serveProcess(t, php)
					status, body := program.get(listPath, http.Header{"X-Joomla-Token": {site.token()}})
					require.Equal(t, http.StatusOK, status, "%s", program.Output())
					assert.Len(t, sessionsOf(t, body), len(site.Tables["session"]))
				})
			}
		})
	}
}

// TestCipherSuites compares the names with those of OpenSSL.
func TestCipherSuites(t *testing.T) {
	path := programPath(t, "openssl", "")
	output, err := exec.CommandContext(t.Context(), path, "ciphers", "-stdname", "ALL").Output()
	require.NoError(t, err)
	theirs := map[string]string{}
	for line := range strings.Lines(string(output)) {
		fields := strings.Fields(line) // TLS_… - NAME …
		require.Greater(t, len(fields), 2, line)
		theirs[fields[0]] = fields[2]
	}
	known := 0
	for _, suite := range tls.CipherSuites() {
		if name, ok := theirs[suite.Name]; ok && slices.Contains(suite.SupportedVersions, tls.VersionTLS12) {
			known++
			got, err := cipherSuites(capi.SiteConfig{DBType: "mysqli", DBSSLCipher: "DHE-RSA-AES256-SHA:" + name})
			require.NoError(t, err)
			assert.Equal(t, []uint16{suite.ID}, got, name)
		}
	}
	assert.Greater(t, known, 5)

	got, err := cipherSuites(capi.SiteConfig{DBType: "pgsql", DBSSLCipher: "HIGH"})
	require.NoError(t, err)
	assert.Nil(t, got)
}
