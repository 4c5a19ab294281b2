package main

import (
	"context"
	"database/sql/driver"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A smallServer is a server with room for so many connections.
type smallServer struct{ room atomic.Int64 }

func (s *smallServer) Connect(context.Context) (driver.Conn, error) {
	if s.room.Add(-1) < 0 {
		s.room.Add(1)
		return nil, &mysql.MySQLError{Number: 1040}
	}
	return smallConn{s}, nil
}

func (s *smallServer) Driver() driver.Driver { return mysql.MySQLDriver{} }

type smallConn struct{ server *smallServer }

func (smallConn) Prepare(string) (driver.Stmt, error) { return nil, errors.ErrUnsupported }
func (smallConn) Begin() (driver.Tx, error)           { return nil, errors.ErrUnsupported }
func (c smallConn) Close() error                      { c.server.room.Add(1); return nil }

// TestFullReopens has requests that wait in line for the connection of a long
// list when the server has room again.
func TestFullReopens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := new(smallServer)
		server.room.Store(1)
		pool, connector := openPool(server)
		defer pool.Close()
		f := &followedSite{opened: []*site{{db: &database{DB: pool, connector: connector}}}}
		f.options.connections = 4
		list, err := pool.Conn(t.Context())
		require.NoError(t, err)
		defer list.Close()
		_, err = pool.Conn(t.Context())
		require.True(t, isFull(err), "%v", err)

		var served atomic.Int64
		for range 3 {
			go func() {
				if conn, err := pool.Conn(t.Context()); err == nil {
					served.Add(1)
					time.Sleep(time.Minute)
					_ = conn.Close()
				}
			}()
		}
		synctest.Wait()
		server.room.Store(3)
		f.reshare(t.Context())
		synctest.Wait()
		assert.Zero(t, served.Load(), "not at once")
		time.Sleep(fullPause)
		f.reshare(t.Context())
		synctest.Wait()
		assert.EqualValues(t, 3, served.Load())
		time.Sleep(time.Hour)
		assert.Equal(t, 4, pool.Stats().MaxOpenConnections)
		assert.False(t, connector.wasFull(), "once")
	})
}
