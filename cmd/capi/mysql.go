package main

import (
	"context"
	"database/sql/driver"
	"errors"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/capi-go/capi"
	"github.com/go-sql-driver/mysql"
)

// mysqlSockets are the usual paths of the socket of MySQL and MariaDB.
var mysqlSockets = []string{
	"/run/mysqld/mysqld.sock", "/var/run/mysqld/mysqld.sock", "/var/lib/mysql/mysql.sock", "/tmp/mysql.sock",
}

// openMySQL opens a database of MySQL or MariaDB.
func openMySQL(config capi.SiteConfig, socket string, logger *slog.Logger) (*database, error) {
	if strings.Contains(config.Host, ",") {
		return nil, errors.New("several database hosts ($host, --db-host): MySQL and MariaDB take only one; for a cluster, " +
			"put a proxy in front of its nodes, such as HAProxy with packaging/balancers/haproxy-galera.cfg, and give the proxy's address")
	}
	connector, err := mysqlConnector(config, socket, logger)
	if err != nil {
		return nil, err
	}
	where := func() string {
		server := connector.servers()[0]
		return "MySQL at " + server.network + ":" + server.address
	}
	pool, full := openPool(connector)
	return &database{pool, where, full}, nil
}

// mysqlConnector returns the connector to the server.
func mysqlConnector(config capi.SiteConfig, socket string, logger *slog.Logger) (localConnector, error) {
	network, address, err := config.Address()
	if err != nil {
		return nil, err
	}
	var all localConnector
	add := func(network, address string) error {
		settings, err := mysqlConfig(config, network, address, logger)
		if err != nil {
			return err
		}
		connector, err := mysql.NewConnector(settings)
		all = append(all, localServer{connector, network, address})
		return err
	}
	switch {
	case !isLocalhost(config):
		err = add(network, address)
	case socket != "":
		err = add("unix", socket)
	default:
		// To PHP, localhost means a socket, and there is no php.ini here to say
		// which.
		for _, path := range mysqlSockets {
			err = errors.Join(err, add("unix", path))
		}
		err = errors.Join(err, add(network, address))
	}
	if err != nil {
		return nil, problems(err)[0] // All are the same.
	}
	return all, nil
}

// mysqlConfig returns the settings of the driver.
func mysqlConfig(config capi.SiteConfig, network, address string, logger *slog.Logger) (*mysql.Config, error) {
	server := "localhost"
	if host, _, err := net.SplitHostPort(address); err == nil {
		server = host
	}
	settings := mysql.NewConfig()
	var err error
	if settings.TLS, err = serverTLS(config, server); err != nil {
		return nil, err
	}
	settings.Net, settings.Addr, settings.DialFunc = network, address, dial
	settings.User, settings.Passwd, settings.DBName = config.User, config.Password.Reveal(), config.DB
	// A server may ignore the character set that clients ask for as they connect
	// (skip-character-set-client-handshake). As Joomla's MysqliDriver does
	// (setUtf), this asks again, which costs each connection a round trip.
	if err := settings.Apply(mysql.Charset("utf8mb4", "")); err != nil {
		return nil, err
	}
	settings.Timeout = 5 * time.Second
	settings.ReadTimeout = 30 * time.Second
	settings.WriteTimeout = 30 * time.Second
	settings.Logger = slog.NewLogLogger(logger.Handler(), slog.LevelWarn)
	return settings, nil
}

// A localConnector connects to the first of its servers that answers. All but
// the last are sockets, which may be missing.
type localConnector []localServer

type localServer struct {
	driver.Connector
	network, address string
}

// servers returns the servers to try, in order.
func (c localConnector) servers() []localServer {
	var there []localServer
	for _, server := range c[:len(c)-1] {
		if isSocket(server.address) {
			there = append(there, server)
		}
	}
	return append(there, c[len(c)-1])
}

// Connect implements [driver.Connector].
func (c localConnector) Connect(ctx context.Context) (driver.Conn, error) {
	var first error
	for _, server := range c.servers() {
		conn, err := server.Connect(ctx)
		if err == nil {
			return conn, nil
		}
		if first == nil {
			first = err
		}
		// A server that answers is the right one, whatever it says.
		var network *net.OpError
		if !errors.As(err, &network) {
			return nil, err
		}
	}
	return nil, first
}

// Driver implements [driver.Connector].
func (c localConnector) Driver() driver.Driver { return c[0].Driver() }
