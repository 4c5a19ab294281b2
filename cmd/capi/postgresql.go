package main

import (
	"errors"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/capi-go/capi"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// postgresqlSocket is the usual directory of the socket of PostgreSQL.
const postgresqlSocket = "/var/run/postgresql"

// openPostgreSQL opens a database of PostgreSQL.
func openPostgreSQL(config capi.SiteConfig, socket string) (*database, error) {
	settings, err := postgresqlConfig(config, socket)
	if err != nil {
		return nil, err
	}
	where := "PostgreSQL at " + net.JoinHostPort(settings.Host, strconv.Itoa(int(settings.Port)))
	if strings.HasPrefix(settings.Host, "/") {
		where = "PostgreSQL at unix:" + settings.Host
	}
	return &database{stdlib.OpenDB(*settings), func() string { return where }}, nil
}

// postgresqlConfig returns what the driver needs to know. All that the site's
// configuration leaves open can be set by libpq's environment variables, such
// as PGSSLMODE, as for Joomla itself.
func postgresqlConfig(config capi.SiteConfig, socket string) (*pgx.ConnConfig, error) {
	network, address, err := config.Address()
	if err != nil {
		return nil, err
	}
	host, port := address, "5432"
	if network == "tcp" {
		if host, port, err = net.SplitHostPort(address); err != nil {
			return nil, err
		}
	}
	server := host
	switch {
	case !isLocalhost(config):
	case socket != "":
		host = socket
		// The driver takes the directory.
		if path, ok := strings.CutPrefix(filepath.Base(socket), ".s.PGSQL."); ok {
			host, port = filepath.Dir(socket), path
		}
	default:
		host += "," + postgresqlSocket // Where nothing listens at the first.
	}
	query := url.Values{"host": {host}, "port": {port}}
	if config.DBEncryption != 0 {
		query.Set("sslmode", "disable") // TLS is set below, without an alternative.
	}
	dsn := url.URL{
		Scheme: "postgres", User: url.UserPassword(config.User, config.Password.Reveal()),
		Path: "/" + config.DB, RawQuery: query.Encode(),
	}
	settings, err := pgx.ParseConfig(dsn.String())
	if err != nil {
		return nil, errors.New("the database's settings do not work with PostgreSQL") // The cause repeats them.
	}
	encryption, err := serverTLS(config, server)
	if err != nil {
		return nil, err
	}
	// As for libpq, what goes through a socket stays on the machine.
	if encryption != nil && !strings.HasPrefix(settings.Host, "/") {
		settings.TLSConfig = encryption
	}
	settings.ConnectTimeout = 5 * time.Second
	return settings, nil
}
