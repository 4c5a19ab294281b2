package integration_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A certified is a certificate, and files of it.
type certified struct {
	certificate       *x509.Certificate
	key               *ecdsa.PrivateKey
	certFile, keyFile string
}

// certify makes a certificate in dir: of an authority of its own, or signed by
// one, for 127.0.0.1.
func certify(t testing.TB, dir, name string, by *certified) *certified {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true}
	c := &certified{key: key, certFile: filepath.Join(dir, name+".pem"), keyFile: filepath.Join(dir, name+".key")}
	if by == nil {
		template.IsCA, template.KeyUsage = true, x509.KeyUsageCertSign
		by = &certified{certificate: template, key: key}
	} else {
		template.SerialNumber = big.NewInt(2)
		template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.certificate, &key.PublicKey, by.key)
	require.NoError(t, err)
	c.certificate, err = x509.ParseCertificate(der)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(c.certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644))
	require.NoError(t, os.WriteFile(c.keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
	return c
}

// TestTLS is about servers that take nothing but TLS, with a certificate of an
// authority of the test's own.
func TestTLS(t *testing.T) {
	for _, d := range servers() {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			dir, err := os.MkdirTemp("", "capi-tls")
			require.NoError(t, err)
			t.Cleanup(func() { _ = os.RemoveAll(dir) })
			authority, stranger := certify(t, dir, "authority", nil), certify(t, dir, "stranger", nil)
			server := certify(t, dir, "server", authority)

			var verified, wrong, plain, encrypted, refused string
			var own *databaseServer
			if d.name == "mariadb" {
				for name, ca := range map[string]*certified{"verified": authority, "wrong": stranger} {
					pool := x509.NewCertPool()
					pool.AddCert(ca.certificate)
					require.NoError(t, mysql.RegisterTLSConfig(name, &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"}))
					t.Cleanup(func() { mysql.DeregisterTLSConfig(name) })
				}
				verified, wrong, plain = "tls=verified", "tls=wrong", "tls=false"
				encrypted = `SELECT VARIABLE_VALUE <> '' FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME = 'Ssl_cipher'`
				refused = "insecure transport|Access denied" // by its version
				own = ownServerWith(t, d, verified, "--ssl-ca="+authority.certFile, "--ssl-cert="+server.certFile, "--ssl-key="+server.keyFile,
					"--require-secure-transport=ON")
			} else {
				const rules = "hostssl all all 127.0.0.1/32 trust\n"
				require.NoError(t, os.WriteFile(filepath.Join(dir, "hba.conf"), []byte(rules), 0o644))
				if owner := postgresOwner(t, dir); owner != nil {
					require.NoError(t, os.Chown(server.keyFile, int(owner.Credential.Uid), int(owner.Credential.Gid)))
				}
				verified = "sslmode=verify-full&sslrootcert=" + authority.certFile
				wrong, plain = "sslmode=verify-full&sslrootcert="+stranger.certFile, "sslmode=disable"
				encrypted = `SELECT CASE WHEN ssl THEN 1 ELSE 0 END FROM pg_stat_ssl WHERE pid = pg_backend_pid()`
				refused = "no encryption"
				own = ownServerWith(t, d, verified, "-c", "ssl=on", "-c", "ssl_cert_file="+server.certFile, "-c", "ssl_key_file="+server.keyFile,
					"-c", "hba_file="+filepath.Join(dir, "hba.conf"))
			}
			ping := func(parameters string) error {
				db, err := sql.Open(d.driver, strings.Replace(own.dsn, verified, parameters, 1))
				require.NoError(t, err)
				defer db.Close()
				return db.PingContext(t.Context())
			}
			var unknown x509.UnknownAuthorityError
			require.ErrorAs(t, ping(wrong), &unknown)
			require.Regexp(t, refused, ping(plain))

			s := joomla5(t, own.database)
			var is int
			require.NoError(t, s.DB.QueryRowContext(t.Context(), encrypted).Scan(&is))
			assert.Equal(t, 1, is)
			s.requireStatus(t, http.StatusOK, s.guarded(t, nil).ask(t, s.CookieOf(t, "super")))
		})
	}
}
