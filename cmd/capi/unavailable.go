package main

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/bradfitz/gomemcache/memcache"
	"github.com/capi-go/capi"
	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/redis/go-redis/v9"
)

// unavailable returns err, which keeps a site from answering. It wraps
// [capi.ErrUnavailable] if err may pass without a change of the program, the
// site or its servers: one of them is out of reach, starts or stops, takes too
// long, or has no connection left.
func unavailable(err error) error {
	var network net.Error // Also that of a context whose time has ended.
	var my *mysql.MySQLError
	var pg *pgconn.PgError
	passes := errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysql.ErrInvalidConn) || errors.Is(err, context.DeadlineExceeded) ||
		errors.As(err, &my) && !permanentMySQL(my) || errors.As(err, &pg) && !permanentPostgreSQL(pg) ||
		errors.Is(err, redis.ErrPoolTimeout) || errors.Is(err, redis.ErrPoolExhausted) || errors.Is(err, memcache.ErrServerError) ||
		slices.ContainsFunc(passingRedis, func(prefix string) bool { return redis.HasErrorPrefix(err, prefix) })
	if !passes || errors.Is(err, capi.ErrUnavailable) {
		return err
	}
	return fmt.Errorf("%w: %w", capi.ErrUnavailable, err)
}

// passingRedis are what errors of Redis begin with that pass: of a server that
// starts, and of a cluster or replica without its master.
var passingRedis = []string{"LOADING", "CLUSTERDOWN", "MASTERDOWN", "TRYAGAIN"}

// permanentMySQL reports whether an error of MySQL does not go away by waiting.
func permanentMySQL(err *mysql.MySQLError) bool {
	switch err.Number {
	case 1047, // ER_UNKNOWN_COM_ERROR: a node that is not part of its Galera cluster.
		1053: // ER_SERVER_SHUTDOWN.
		return false
	}
	return !isFull(err)
}

// permanentPostgreSQL reports whether an error of PostgreSQL does not go away by
// waiting. Those of insufficient resources do, and those of operator
// intervention such as a start.
func permanentPostgreSQL(err *pgconn.PgError) bool {
	return !strings.HasPrefix(err.Code, "53") && !strings.HasPrefix(err.Code, "57")
}
