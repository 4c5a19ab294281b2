package main

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/capi-go/capi"
	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // The driver "sqlite".
)

// openDatabase opens the database that config says, with at most as many connections. It connects to nothing yet.
func openDatabase(config capi.SiteConfig, connections int, logger *slog.Logger) (*sql.DB, error) {
	var db *sql.DB
	switch strings.ToLower(config.DBType) {
	case "mysqli", "mysql", "pdomysql":
		settings, err := mysqlConfig(config, logger)
		if err != nil {
			return nil, err
		}
		connector, err := mysql.NewConnector(settings)
		if err != nil {
			return nil, err
		}
		db = sql.OpenDB(connector)
	case "pgsql", "postgresql":
		settings, err := postgresConfig(config)
		if err != nil {
			return nil, err
		}
		db = stdlib.OpenDB(*settings)
	case "sqlite":
		name := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(config.DB), RawQuery: url.Values{
			"mode":    {"ro"},
			"_pragma": {"busy_timeout(5000)"},
		}.Encode()}
		var err error
		if db, err = sql.Open("sqlite", name.String()); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("unknown database type %q", config.DBType)
	}
	// Each list that is being sent holds a connection, for as long as its client takes to read it.
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(min(4, connections))
	db.SetConnMaxIdleTime(time.Minute)
	db.SetConnMaxLifetime(10 * time.Minute)
	return db, nil
}

// mysqlConfig returns what the driver of MySQL and MariaDB needs to know.
func mysqlConfig(config capi.SiteConfig, logger *slog.Logger) (*mysql.Config, error) {
	network, address, err := config.Address()
	if err != nil {
		return nil, err
	}
	settings := mysql.NewConfig()
	settings.Net, settings.Addr, settings.DialFunc = network, address, dial
	settings.User, settings.Passwd, settings.DBName = config.User, config.Password.Reveal(), config.DB
	// Spares a round trip for each query. The driver quotes what it interpolates, for the character set that it sets.
	settings.InterpolateParams = true
	settings.Timeout = 5 * time.Second
	settings.ReadTimeout = 30 * time.Second
	settings.WriteTimeout = 30 * time.Second
	settings.Logger = slog.NewLogLogger(logger.Handler(), slog.LevelWarn)
	return settings, nil
}

// postgresConfig returns what the driver of PostgreSQL needs to know. All that the site's configuration leaves open can
// be set by libpq's environment variables, such as PGSSLMODE, as for Joomla itself.
func postgresConfig(config capi.SiteConfig) (*pgx.ConnConfig, error) {
	network, address, err := config.Address()
	if err != nil {
		return nil, err
	}
	dsn := url.URL{Scheme: "postgres", User: url.UserPassword(config.User, config.Password.Reveal()), Path: "/" + config.DB}
	if network == "unix" {
		dsn.RawQuery = url.Values{"host": {address}}.Encode()
	} else {
		// Not in the host of the URL, where not every name could stand.
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		dsn.RawQuery = url.Values{"host": {host}, "port": {port}}.Encode()
	}
	settings, err := pgx.ParseConfig(dsn.String())
	if err != nil {
		return nil, fmt.Errorf("the database's settings do not work with PostgreSQL") // The cause repeats them.
	}
	settings.ConnectTimeout = 5 * time.Second
	return settings, nil
}

// ping finds out whether the database answers.
func ping(ctx context.Context, db *sql.DB) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return db.PingContext(ctx)
}
