package main

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/capi-go/capi"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// postgresqlSocket is the usual directory of the socket of PostgreSQL.
const postgresqlSocket = "/var/run/postgresql"

// openPostgreSQL opens a database of PostgreSQL.
func openPostgreSQL(config capi.SiteConfig, socket string, logger *slog.Logger) (*database, error) {
	settings, err := postgresqlConfig(config, socket)
	if err != nil {
		return nil, err
	}
	where := "PostgreSQL at " + strings.Join(postgresqlServers(settings), ", ")
	pool, full := openPool(newPoolerConnector(settings))
	return &database{pool, func() string { return where }, full}, nil
}

// postgresqlServers returns the addresses of the servers, in the order in which
// they are tried.
func postgresqlServers(settings *pgx.ConnConfig) []string {
	var all []string
	for _, server := range append([]*pgconn.FallbackConfig{{Host: settings.Host, Port: settings.Port}}, settings.Fallbacks...) {
		where := net.JoinHostPort(server.Host, strconv.Itoa(int(server.Port)))
		if strings.HasPrefix(server.Host, "/") {
			where = "unix:" + server.Host
		}
		if !slices.Contains(all, where) { // pgx may try a server with and without TLS.
			all = append(all, where)
		}
	}
	return all
}

// postgresqlHosts returns the hosts and ports of the servers in the
// configuration, which commas separate.
func postgresqlHosts(config capi.SiteConfig) (hosts, ports []string, err error) {
	names := strings.Split(config.Host, ",")
	for _, name := range names {
		config.Host = strings.TrimSpace(name)
		if len(names) > 1 && config.Host == "" {
			return nil, nil, errors.New("a database host is missing between commas ($host, --db-host)")
		}
		network, address, err := config.Address()
		if err != nil {
			return nil, nil, err
		}
		host, port := address, "5432"
		if network == "tcp" {
			if host, port, err = net.SplitHostPort(address); err != nil {
				return nil, nil, err
			}
		}
		hosts, ports = append(hosts, host), append(ports, port)
	}
	return hosts, ports, nil
}

// postgresqlConfig returns the settings of the driver. libpq's environment
// variables, such as PGSSLMODE, set what the site's configuration leaves open, as
// they do for Joomla. The driver tries several hosts in turn for each connection
// and uses only the primary, unless PGTARGETSESSIONATTRS says otherwise: a
// replica may lag, and let in a user who was blocked a moment ago.
func postgresqlConfig(config capi.SiteConfig, socket string) (*pgx.ConnConfig, error) {
	hosts, ports, err := postgresqlHosts(config)
	if err != nil {
		return nil, err
	}
	several := len(hosts) > 1
	switch {
	case !isLocalhost(config):
	case socket != "":
		hosts[0] = socket
		// The driver takes the directory.
		if path, ok := strings.CutPrefix(filepath.Base(socket), ".s.PGSQL."); ok {
			hosts[0], ports[0] = filepath.Dir(socket), path
		}
	default: // In case nothing listens at the first.
		hosts, ports = append(hosts, postgresqlSocket), append(ports, ports[0])
	}
	query := url.Values{"host": {strings.Join(hosts, ",")}, "port": {strings.Join(ports, ",")}}
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
	if settings.TLSConfig, err = postgresqlTLS(config, settings.Host, settings.TLSConfig); err != nil {
		return nil, err
	}
	for _, server := range settings.Fallbacks {
		if server.TLSConfig, err = postgresqlTLS(config, server.Host, server.TLSConfig); err != nil {
			return nil, err
		}
	}
	settings.ConnectTimeout = 5 * time.Second
	if several {
		settings.ConnectTimeout = 2 * time.Second // For each.
	}
	// The default is the encoding of the database, such as LATIN1.
	settings.RuntimeParams["client_encoding"] = "UTF8"
	return settings, nil
}

// postgresqlTLS returns the TLS configuration for a server: that of
// configuration.php, else that of the environment. As in libpq, a socket needs
// none.
func postgresqlTLS(config capi.SiteConfig, host string, environment *tls.Config) (*tls.Config, error) {
	if config.DBEncryption == 0 || strings.HasPrefix(host, "/") {
		return environment, nil
	}
	return serverTLS(config, host)
}
