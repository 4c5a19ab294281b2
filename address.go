package capi

import (
	"cmp"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/capi-go/capi/internal/joomla"
)

// Address returns the address of the database server of c in the form that
// [net.Dial] and most drivers take: network "tcp" with host and port, or
// network "unix" with the path of a socket, or for PostgreSQL of the directory
// that holds it. The error wraps [ErrSiteConfig]. SQLite has no server, so
// Address returns an error for it.
//
// Host may be a name or an IP address, optionally in brackets and followed by a
// port or the absolute path of a socket ("db:3307", "[::1]:3307",
// "localhost:/run/mysqld/mysqld.sock"). It may also be only such a path, with
// or without unix: before it. For MySQL, a leading p:, which asks PHP for a
// persistent connection, is ignored. The default host is localhost, and the
// default port is 3306 for MySQL and 5432 for PostgreSQL. PHP's mysqli takes
// localhost for a socket whose path only PHP's own configuration knows; Address
// always returns TCP unless Host has a path.
func (c SiteConfig) Address() (network, address string, err error) {
	host, port := c.Host, ""
	switch c.Database() {
	case MySQL:
		host, port = strings.TrimPrefix(host, "p:"), "3306"
	case PostgreSQL:
		port = "5432"
	default:
		return "", "", fmt.Errorf("%w: no database server ($dbtype)", ErrSiteConfig)
	}
	host, port, ok := joomla.SplitHost(host, port)
	if strings.HasPrefix(port, "/") && ok && !strings.ContainsRune(port, 0) {
		return "unix", port, nil
	}
	if number, err := strconv.ParseUint(port, 10, 16); !ok || err != nil || number == 0 {
		return "", "", fmt.Errorf("%w: malformed database host, port or path of a socket ($host): "+
			"write it as db, db:3307, [::1]:3307, localhost:/path/to/socket or /path/to/socket", ErrSiteConfig)
	}
	if host == "" {
		host = "localhost"
	}
	return "tcp", net.JoinHostPort(host, port), nil
}

// SessionAddress returns the address of the server of the session handler of c,
// "redis" or "memcached", in the form of [SiteConfig.Address]. It reads
// SessionRedisHost and SessionRedisPort, or SessionMemcachedHost and
// SessionMemcachedPort. The host may be a name, an IP address, optionally in
// brackets, or the absolute path of a socket, with or without unix: before it.
// The error wraps [ErrSiteConfig], and does not contain the host, which may
// hold a password.
func (c SiteConfig) SessionAddress() (network, address string, err error) {
	var host, standard string
	var port int
	switch c.SessionHandler {
	case "redis":
		host, standard, port = c.SessionRedisHost, "127.0.0.1", cmp.Or(c.SessionRedisPort, 6379)
	case "memcached":
		host, standard, port = c.SessionMemcachedHost, "localhost", cmp.Or(c.SessionMemcachedPort, 11211)
	default:
		return "", "", fmt.Errorf("%w: no session server ($session_handler is %q)", ErrSiteConfig, c.SessionHandler)
	}
	name, rest, ok := joomla.SplitHost(host, "")
	if ok && name == "" && strings.HasPrefix(rest, "/") && !strings.ContainsRune(rest, 0) {
		return "unix", rest, nil
	}
	if !ok || rest != "" || strings.HasSuffix(host, ":") {
		return "", "", fmt.Errorf("%w: malformed host ($session_%s_server_host): "+
			"write it as a name, an IP address or /path/to/socket; the port has a property of its own", ErrSiteConfig, c.SessionHandler)
	}
	if port < 0 || port > 65535 {
		return "", "", fmt.Errorf("%w: port %d is out of range ($session_%s_server_port)", ErrSiteConfig, port, c.SessionHandler)
	}
	return "tcp", net.JoinHostPort(cmp.Or(name, standard), strconv.Itoa(port)), nil
}
