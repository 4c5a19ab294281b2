package capi

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// A SiteConfig is what this package needs to know of a Joomla site: properties of its configuration.php, each named in
// the comment of its field. [LoadSiteConfig] reads them from that file. Printed with package fmt, logged with log/slog
// or marshalled to JSON, it does not show Secret and Password.
type SiteConfig struct {
	// DBType is Joomla's name of the database driver ($dbtype), in any letter case: "mysqli", "mysql" or "pdomysql" for
	// MySQL and MariaDB, "pgsql" or "postgresql" for PostgreSQL, and "sqlite".
	DBType string
	// Host says where the database server is ($host), in one of the forms that [SiteConfig.Address] reads.
	Host string
	// User is the name to log in to the database with ($user).
	User string
	// Password is the password of User ($password).
	Password string `json:"-"`
	// DB is the name of the database ($db). For SQLite, it is the path of its file.
	DB string
	// DBPrefix is what the names of the site's tables begin with ($dbprefix), such as "jos_": letters, digits and
	// underscores.
	DBPrefix string
	// Secret is the site's secret ($secret), which its cookie names and API tokens are made with.
	Secret string `json:"-"`
	// Lifetime is how long a session lives without a request ($lifetime, which is in minutes). Zero is Joomla's default
	// of 15 minutes.
	Lifetime time.Duration
	// SessionHandler is Joomla's name of where session data is kept ($session_handler), such as "database" or "redis".
	// Nothing in this package depends on it; with another than "database", the data of most sessions is null or empty.
	SessionHandler string
	// SessionName is what the name of the session cookie is made from where the applications of the site share one
	// session ($session_name). Empty is Joomla's default: each application has a cookie of its own.
	SessionName string
	// RootUser is a user who is a Super Admin whatever the access rules say ($root_user): a user id if it is a whole
	// number, else a username. Empty is nobody.
	RootUser string
	// Now is the clock that sessions expire by. Nil is [time.Now].
	Now func() time.Time `json:"-"`
}

// A database is a kind of database server, with a dialect of its own.
type database int

const (
	unknownDatabase database = iota
	mySQL                    // also MariaDB
	postgreSQL
	sqLite
)

// database returns what DBType stands for.
func (c SiteConfig) database() database {
	switch strings.ToLower(c.DBType) {
	case "mysqli", "mysql", "pdomysql":
		return mySQL
	case "pgsql", "postgresql":
		return postgreSQL
	case "sqlite":
		return sqLite
	}
	return unknownDatabase
}

// Address returns where the database server of c listens, as [net.Dial] and most drivers take it: network "tcp" with
// host and port, or network "unix" with the path of a socket, for PostgreSQL of the directory that holds it. The error
// wraps [ErrConfiguration]; there is one for SQLite, which has no server.
//
// Host may be a name or an IP address, with a port or the absolute path of a socket after it ("db:3307", "[::1]:3307",
// "localhost:/run/mysqld/mysqld.sock"), or such a path alone. For MySQL, p: in front of it is ignored, which asks PHP for
// a persistent connection. The default is the port 3306 of MySQL or 5432 of PostgreSQL, and the host localhost. Unlike
// PHP's mysqli, which takes the host localhost for a socket whose path only PHP's own configuration knows, this is
// always TCP unless Host has a path.
func (c SiteConfig) Address() (network, address string, err error) {
	host, port := c.Host, ""
	switch c.database() {
	case mySQL:
		host, port = strings.TrimPrefix(host, "p:"), "3306"
	case postgreSQL:
		port = "5432"
	default:
		return "", "", fmt.Errorf("%w: no database server", ErrConfiguration)
	}
	if path, ok := strings.CutPrefix(host, "unix:"); ok && strings.HasPrefix(path, "/") {
		host = path
	}
	_, err = netip.ParseAddr(host)
	switch bracket := strings.LastIndexByte(host, ']'); {
	case err == nil: // With the colons of IPv6, or without any.
	case strings.HasPrefix(host, "/"):
		host, port = "", host
	case strings.HasPrefix(host, "[") && bracket > 0:
		if ip, err := netip.ParseAddr(host[1:bracket]); err != nil || !ip.Is6() {
			return "", "", fmt.Errorf("%w: malformed IPv6 address in the database host", ErrConfiguration)
		}
		rest := host[bracket+1:]
		host = host[1:bracket]
		if rest != "" {
			if rest[0] != ':' {
				return "", "", fmt.Errorf("%w: malformed database host", ErrConfiguration)
			}
			port = rest[1:]
		}
	default:
		if before, after, ok := strings.Cut(host, ":"); ok {
			host, port = before, after
		}
		for _, r := range host {
			if r != '.' && r != '-' && r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
				return "", "", fmt.Errorf("%w: malformed database host", ErrConfiguration)
			}
		}
	}
	if strings.HasPrefix(port, "/") {
		if strings.ContainsRune(port, 0) {
			return "", "", fmt.Errorf("%w: malformed path in the database host", ErrConfiguration)
		}
		return "unix", port, nil
	}
	if number, err := strconv.ParseUint(port, 10, 16); err != nil || number == 0 {
		return "", "", fmt.Errorf("%w: malformed port in the database host", ErrConfiguration)
	}
	if host == "" {
		host = "localhost"
	}
	return "tcp", net.JoinHostPort(host, port), nil
}

// hidden stands for a secret that is not empty.
const hidden = "[hidden]"

// hide returns c without its secrets.
func (c SiteConfig) hide() SiteConfig {
	if c.Password != "" {
		c.Password = hidden
	}
	if c.Secret != "" {
		c.Secret = hidden
	}
	return c
}

// Format implements [fmt.Formatter]. With every verb, it prints c as fmt prints structs, with Password and Secret hidden.
func (c SiteConfig) Format(state fmt.State, verb rune) {
	type siteConfig SiteConfig // without this method
	fmt.Fprintf(state, fmt.FormatString(state, verb), siteConfig(c.hide()))
}

// LogValue implements [slog.LogValuer], with Password and Secret hidden.
func (c SiteConfig) LogValue() slog.Value {
	c = c.hide()
	return slog.GroupValue(
		slog.String("dbtype", c.DBType),
		slog.String("host", c.Host),
		slog.String("user", c.User),
		slog.String("password", c.Password),
		slog.String("db", c.DB),
		slog.String("dbprefix", c.DBPrefix),
		slog.String("secret", c.Secret),
		slog.Duration("lifetime", c.Lifetime),
		slog.String("session_handler", c.SessionHandler),
		slog.String("session_name", c.SessionName),
		slog.String("root_user", c.RootUser),
	)
}

// A Site is a Joomla installation: its database and what its configuration says. It is safe for concurrent use.
type Site struct {
	db *sql.DB
	// config is a pointer, since fmt does not follow those that it finds inside what holds a Site.
	config *SiteConfig
	// quote is the database's quote of identifiers.
	quote string
	// numbered says that placeholders are $1, $2 and so on.
	numbered bool
}

// NewSite returns the site that config describes, with its tables in db, which stays the caller's to close. It reads
// nothing from db, and of config nothing that says where db is. The error names everything that is wrong with config,
// and wraps [ErrConfiguration]. It panics if db is nil.
func NewSite(db *sql.DB, config SiteConfig) (*Site, error) {
	if db == nil {
		panic("capi: nil DB")
	}
	site := &Site{db: db, config: &config, quote: `"`}
	var errs []error
	switch config.database() {
	case mySQL:
		site.quote = "`"
	case postgreSQL:
		site.numbered = true
	case sqLite:
	default:
		errs = append(errs, fmt.Errorf("%w: unknown database type %q", ErrConfiguration, config.DBType))
	}
	for _, c := range []byte(config.DBPrefix) {
		if c != '_' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			errs = append(errs, fmt.Errorf("%w: database prefix %q has other characters than letters, digits and _",
				ErrConfiguration, config.DBPrefix))
			break
		}
	}
	if config.Lifetime < 0 {
		errs = append(errs, fmt.Errorf("%w: negative lifetime %v", ErrConfiguration, config.Lifetime))
	}
	if config.Lifetime == 0 {
		site.config.Lifetime = 15 * time.Minute
	}
	if config.Now == nil {
		site.config.Now = time.Now
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return site, nil
}

// sql returns query in the dialect of the site's database: "name" quoted as an identifier, #__ replaced by the prefix
// of its tables, and ? by its placeholder.
func (s *Site) sql(query string) string {
	query = strings.NewReplacer(`"`, s.quote, "#__", s.config.DBPrefix).Replace(query)
	if !s.numbered {
		return query
	}
	parts := strings.Split(query, "?")
	for i := range parts[1:] {
		parts[i] += "$" + strconv.Itoa(i+1)
	}
	return strings.Join(parts, "")
}

// Format implements [fmt.Formatter]. It prints the configuration of s, without what [SiteConfig] hides.
func (s *Site) Format(state fmt.State, verb rune) { s.config.Format(state, verb) }

// LogValue implements [slog.LogValuer]. It is the configuration of s, without what [SiteConfig] hides.
func (s *Site) LogValue() slog.Value { return s.config.LogValue() }

// oldest returns the time of the oldest session that still counts, in seconds since 1970. One counts while
// time + lifetime >= now.
func (s *Site) oldest() int64 { return s.config.Now().Add(-s.config.Lifetime).Unix() }

// isMissing says whether the site is known to have no table of that name, which drivers report each in their own way.
func (s *Site) isMissing(ctx context.Context, table string) bool {
	query := `SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?`
	switch s.config.database() {
	case postgreSQL:
		query = `SELECT COUNT(*) FROM information_schema.tables` +
			` WHERE table_schema = ANY (current_schemas(false)) AND table_name = $1`
	case sqLite:
		query = `SELECT COUNT(*) FROM sqlite_master WHERE type IN ('table', 'view') AND name = ?`
	}
	var count integer
	err := s.db.QueryRowContext(ctx, query, s.config.DBPrefix+table).Scan(&count)
	return err == nil && count.valid && count.value == 0
}
