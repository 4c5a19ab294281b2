package integration_test

import (
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi/internal/tlstest"
)

// TestTLS is about servers that take nothing but TLS, with a certificate of an
// authority of the test's own.
func TestTLS(t *testing.T) {
	for _, d := range servers() {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			dir, err := os.MkdirTemp("", "capi-tls")
			require.NoError(t, err)
			t.Cleanup(func() { _ = os.RemoveAll(dir) })
			authority, stranger := tlstest.New(t, dir, "authority", nil), tlstest.New(t, dir, "stranger", nil)
			server := tlstest.New(t, dir, "server", authority)

			var verified, wrong, plain, encrypted, refused string
			var own *databaseServer
			if d.name == "mariadb" {
				for name, ca := range map[string]*tlstest.Certificate{"verified": authority, "wrong": stranger} {
					pool := x509.NewCertPool()
					pool.AddCert(ca.Certificate)
					require.NoError(t, mysql.RegisterTLSConfig(name, &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"}))
					t.Cleanup(func() { mysql.DeregisterTLSConfig(name) })
				}
				verified, wrong, plain = "tls=verified", "tls=wrong", "tls=false"
				encrypted = `SELECT VARIABLE_VALUE <> '' FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME = 'Ssl_cipher'`
				refused = "insecure transport|Access denied" // by its version
				own = ownServerWith(t, d, verified, "--ssl-ca="+authority.CertFile, "--ssl-cert="+server.CertFile, "--ssl-key="+server.KeyFile,
					"--require-secure-transport=ON")
			} else {
				const rules = "hostssl all all 127.0.0.1/32 trust\n"
				require.NoError(t, os.WriteFile(filepath.Join(dir, "hba.conf"), []byte(rules), 0o644))
				if owner := postgresOwner(t, dir); owner != nil {
					require.NoError(t, os.Chown(server.KeyFile, int(owner.Credential.Uid), int(owner.Credential.Gid)))
				}
				verified = "sslmode=verify-full&sslrootcert=" + authority.CertFile
				wrong, plain = "sslmode=verify-full&sslrootcert="+stranger.CertFile, "sslmode=disable"
				encrypted = `SELECT CASE WHEN ssl THEN 1 ELSE 0 END FROM pg_stat_ssl WHERE pid = pg_backend_pid()`
				refused = "no encryption"
				own = ownServerWith(t, d, verified, "-c", "ssl=on", "-c", "ssl_cert_file="+server.CertFile, "-c", "ssl_key_file="+server.KeyFile,
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
