package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/capi-go/capi"
	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
)

// A database is a pool of connections to the database of a site.
type database struct {
	*sql.DB
	// where says where the database is.
	where func() string
	// connector is nil for a file.
	connector *fullConnector
}

// openDatabase opens the database of config. The socket is that of a server on
// this machine, or empty. It does not connect yet.
func openDatabase(config capi.SiteConfig, socket string, logger *slog.Logger) (*database, error) {
	switch config.Database() {
	case capi.MySQL:
		return openMySQL(config, socket, logger)
	case capi.PostgreSQL:
		return openPostgreSQL(config, socket, logger)
	case capi.SQLite:
		return openSQLite(config)
	default:
		return nil, fmt.Errorf("unknown database type %q ($dbtype)", config.DBType)
	}
}

// isLocalhost reports whether the configuration says no more than that the server
// is on this machine.
func isLocalhost(config capi.SiteConfig) bool {
	host := config.Host
	if config.Database() == capi.MySQL {
		host = strings.TrimPrefix(host, "p:")
	}
	return host == "" || strings.EqualFold(host, "localhost")
}

// isSocket reports whether there is a socket at path.
func isSocket(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode()&os.ModeSocket != 0
}

// serverTLS returns the TLS configuration for a database server, as $dbencryption
// and the $dbssl… properties say, or nil for clear text. The name of a server
// behind a socket is localhost.
func serverTLS(config capi.SiteConfig, server string) (*tls.Config, error) {
	if config.DBEncryption == 0 {
		return nil, nil
	}
	if config.DBEncryption > 2 {
		return nil, fmt.Errorf("unknown encryption of the database %d ($dbencryption)", config.DBEncryption)
	}
	suites, err := cipherSuites(config)
	if err != nil {
		return nil, err
	}
	settings := &tls.Config{ServerName: server, InsecureSkipVerify: !config.DBSSLVerifyServerCert, CipherSuites: suites}
	if config.DBSSLCA != "" {
		text, err := os.ReadFile(config.DBSSLCA)
		if err != nil {
			return nil, fmt.Errorf("reading the authorities of the database server ($dbsslca): %w", err)
		}
		settings.RootCAs = x509.NewCertPool()
		if !settings.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("no certificate of an authority in %s ($dbsslca)", config.DBSSLCA)
		}
	}
	if config.DBEncryption == 2 {
		certificate, err := tls.LoadX509KeyPair(config.DBSSLCert, config.DBSSLKey)
		if err != nil {
			return nil, fmt.Errorf("reading the certificate for the database ($dbsslcert, $dbsslkey): %w", err)
		}
		settings.Certificates = []tls.Certificate{certificate}
	}
	return settings, nil
}

// permanent reports whether an error of connecting does not go away by waiting:
// the server refused, or failed verification.
func permanent(err error) bool {
	if errors.Is(err, errWALForeign) {
		return true
	}
	var my *mysql.MySQLError
	if errors.As(err, &my) {
		return permanentMySQL(my)
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return permanentPostgreSQL(pg)
	}
	var certificate *tls.CertificateVerificationError
	return errors.As(err, &certificate) || errors.Is(err, mysql.ErrNoTLS) ||
		// pgx and SQLite have no error values for these.
		strings.Contains(err.Error(), "server refused TLS connection") ||
		strings.Contains(err.Error(), "unable to open database file")
}

// noDatabase returns a pool whose connections all fail with err.
func noDatabase(err error) *sql.DB { return sql.OpenDB(noConnector{err}) }

type noConnector struct{ err error }

// Connect implements [driver.Connector].
func (c noConnector) Connect(context.Context) (driver.Conn, error) { return nil, c.err }

// Driver implements [driver.Connector].
func (c noConnector) Driver() driver.Driver { return mysql.MySQLDriver{} }
