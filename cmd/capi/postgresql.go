package main

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/capi-go/capi"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// postgresqlSocket is the usual directory of the socket of PostgreSQL.
const postgresqlSocket = "/var/run/postgresql"

// openPostgreSQL opens a database of PostgreSQL.
func openPostgreSQL(config capi.SiteConfig, socket string, logger *slog.Logger) (*database, error) {
	all := &hosts{logger: logger, unready: postgresqlUnready, broken: postgresqlBroken}
	several := eachHost(config)
	for _, one := range several {
		settings, err := postgresqlConfig(one, socket, len(several) > 1)
		if err != nil {
			return nil, err
		}
		where := net.JoinHostPort(settings.Host, strconv.Itoa(int(settings.Port)))
		if strings.HasPrefix(settings.Host, "/") {
			where = "unix:" + settings.Host
		}
		all.all = append(all.all, &host{Connector: newPoolerConnector(settings), where: func() string { return where }})
	}
	return &database{sql.OpenDB(all), "PostgreSQL", all}, nil
}

// postgresqlUnready reports whether err says that a server is starting or
// stopping (57P01 to 57P03).
func postgresqlUnready(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && strings.HasPrefix(pg.Code, "57P0")
}

// postgresqlBroken reports whether err is that of a connection that broke.
func postgresqlBroken(conn driver.Conn, _ error) bool {
	pgx, ok := conn.(*stdlib.Conn)
	return ok && pgx.Conn().IsClosed()
}

// postgresqlConfig returns what the driver needs to know. All that the site's
// configuration leaves open can be set by libpq's environment variables, such
// as PGSSLMODE, as for Joomla itself. Of several hosts, it is to be the primary
// if PGTARGETSESSIONATTRS does not say otherwise: a replica may lag, and let in
// who was blocked a moment ago.
func postgresqlConfig(config capi.SiteConfig, socket string, several bool) (*pgx.ConnConfig, error) {
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
	if several && os.Getenv("PGTARGETSESSIONATTRS") == "" {
		query.Set("target_session_attrs", "primary")
	}
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
	// Else it is that of the database, such as LATIN1.
	settings.RuntimeParams["client_encoding"] = "UTF8"
	return settings, nil
}
