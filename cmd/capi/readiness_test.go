package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/capi-go/capi"
	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestReadiness tells a readiness one finding after the other.
func TestReadiness(t *testing.T) {
	var logs bytes.Buffer
	first, second := new(site), new(site)
	broken, noData := errors.New("broken"), fmt.Errorf("%w: all", capi.ErrSessionData)
	r := newReadiness(&followedSite{logger: slog.New(slog.NewTextHandler(&logs, nil))}, 1, nil)
	assert.False(t, r.ready(), "before the first check")
	require.NoError(t, r.refuses(first), "nothing is known of it")
	for i, step := range []struct {
		of     *site
		err    error
		down   bool
		ready  bool
		served bool // Requests are.
		says   string
	}{
		{nil, errors.New("no file"), false, false, true, ""}, // Another part of the log says so.
		{first, broken, false, false, false, `msg="not ready" error=broken`},
		{first, broken, false, false, false, ""},
		{first, errors.Join(broken, io.EOF), true, false, false, `error=EOF`},
		{first, nil, false, true, true, `msg="ready again"`},
		{first, nil, false, true, true, ""},
		{first, broken, false, false, true, "error=broken"}, // It may be only a part of it.
		{first, broken, true, false, false, ""},
		{first, nil, false, true, true, "ready again"},
		{second, broken, false, false, false, "error=broken"},
		{second, noData, false, false, true, "newest sessions"},
	} {
		logs.Reset()
		assert.Equal(t, step.ready, r.set(t.Context(), step.of, step.err, step.down), i)
		assert.Equal(t, step.ready, r.ready(), i)
		if step.says == "" {
			assert.Empty(t, logs.String(), i)
		} else {
			assert.Contains(t, logs.String(), step.says, i)
		}
		if step.of == nil {
			continue
		}
		err := r.refuses(step.of)
		assert.Equal(t, step.served, err == nil, i)
		if err != nil {
			require.ErrorIs(t, err, capi.ErrUnavailable)
		}
	}
	require.NoError(t, r.refuses(first), "nothing is known of it any more")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	logs.Reset()
	assert.False(t, r.set(ended, second, context.Canceled, true))
	assert.Empty(t, logs.String(), "the program ends, rather than the site")
}

// TestReadinessRepeats has a server whose connections break differently.
func TestReadinessRepeats(t *testing.T) {
	broken := func(port int, err error) error {
		return &net.OpError{
			Op: "read", Net: "tcp", Source: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port},
			Addr: &net.TCPAddr{IP: net.IPv6loopback, Port: 5432}, Err: err,
		}
	}
	reset := os.NewSyscallError("read", syscall.ECONNRESET)
	var logs bytes.Buffer
	s := new(site)
	r := newReadiness(&followedSite{logger: slog.New(slog.NewTextHandler(&logs, nil))}, 1, nil)
	for i, step := range []struct {
		err  error
		logs bool
	}{
		{broken(40001, reset), true}, {broken(40002, reset), false}, {io.EOF, false}, {io.ErrUnexpectedEOF, false},
		{broken(40003, syscall.ETIMEDOUT), true}, {broken(40004, syscall.ETIMEDOUT), false}, {broken(40005, reset), true},
	} {
		logs.Reset()
		r.set(t.Context(), s, fmt.Errorf("the database is unreachable: %w", step.err), true)
		assert.Equal(t, step.logs, logs.Len() > 0, "%d: %s", i, &logs)
	}
}

func TestSiteCheckCalmly(t *testing.T) {
	_, err := new(site).checkCalmly(t.Context())
	require.ErrorContains(t, err, "panic: runtime error: invalid memory address")
	require.ErrorContains(t, err, "TestSiteCheckCalmly")
}

// A redisError is an error of Redis.
type redisError string

func (e redisError) Error() string { return string(e) }
func (redisError) RedisError()     {}

func TestUnavailable(t *testing.T) {
	for _, err := range []error{
		&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, context.DeadlineExceeded, io.EOF, io.ErrUnexpectedEOF,
		driver.ErrBadConn, mysql.ErrInvalidConn, &mysql.MySQLError{Number: 1040}, &mysql.MySQLError{Number: 1226},
		&mysql.MySQLError{Number: 1047}, &pgconn.PgError{Code: "53300"}, &pgconn.PgError{Code: "57P03"},
		redis.ErrPoolTimeout, redisError("LOADING Redis is loading"), redisError("CLUSTERDOWN The cluster is down"), capi.ErrUnavailable,
	} {
		err = fmt.Errorf("reading: %w", err)
		got := unavailable(err)
		require.ErrorIs(t, got, capi.ErrUnavailable, "%v", err)
		require.ErrorIs(t, got, err)
	}
	for _, err := range []error{
		errors.New("EOF"), context.Canceled, &mysql.MySQLError{Number: 1045}, &mysql.MySQLError{Number: 1146},
		&pgconn.PgError{Code: "42P01"}, &pgconn.PgError{Code: "28P01"}, redisError("WRONGPASS"), x509.UnknownAuthorityError{},
	} {
		assert.Equal(t, err, unavailable(err))
	}
}
