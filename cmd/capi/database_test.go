package main

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/capi-go/capi"
	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMySQLConfig(t *testing.T) {
	config := capi.SiteConfig{User: "jo:om@la", Password: capi.NewSecret("p'w@/:?#"), DB: "a/b"}
	got, err := mysqlConfig(config, "tcp", "db.example.org:3307", slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	assert.Equal(t, "tcp db.example.org:3307 jo:om@la p'w@/:?# a/b", strings.Join([]string{got.Net, got.Addr, got.User, got.Passwd, got.DBName}, " "))
	assert.Nil(t, got.TLS)

	config.DBEncryption = 1
	for address, server := range map[string]string{"db.example.org:3307": "db.example.org", "/run/mysqld.sock": "localhost"} {
		got, err = mysqlConfig(config, "tcp", address, slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		assert.Equal(t, server, got.TLS.ServerName)
		assert.True(t, got.TLS.InsecureSkipVerify, "as $dbsslverifyservercert has it")
	}
	config.DBSSLVerifyServerCert = true
	got, err = mysqlConfig(config, "tcp", "db.example.org:3307", slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	assert.False(t, got.TLS.InsecureSkipVerify)
}

func TestPostgreSQLConfig(t *testing.T) {
	t.Setenv("PGSSLMODE", "disable")
	for _, test := range []struct {
		host, socket, want string
		encrypted          bool
	}{
		{"[::1]:5433", "", "[::1 5433]", false},
		{"/var/run/postgresql", "", "[/var/run/postgresql 5432]", false},
		{"localhost", "", "[localhost 5432][/var/run/postgresql 5432]", false},
		{"localhost", "/run/pg", "[/run/pg 5432]", false},
		{"localhost", "/run/pg/.s.PGSQL.5433", "[/run/pg 5433]", false},
		{"db.example.org", "/run/pg", "[db.example.org 5432]", true},
		{"db.example.org, [::1]:5433,/run/pg", "", "[db.example.org 5432][::1 5433][/run/pg 5432]", true},
	} {
		config := capi.SiteConfig{DBType: "pgsql", Host: test.host, User: "jo:om@la", Password: capi.NewSecret("p'w@/:?#"), DB: "a/b"}
		if test.encrypted {
			config.DBEncryption, config.DBSSLVerifyServerCert = 1, true
		}
		got, err := postgresqlConfig(config, test.socket)
		require.NoError(t, err)
		assert.Equal(t, "jo:om@la p'w@/:?# a/b", strings.Join([]string{got.User, got.Password, got.Database}, " "))
		hosts := fmt.Sprintf("[%s %d]", got.Host, got.Port)
		for _, fallback := range got.Fallbacks {
			hosts += fmt.Sprintf("[%s %d]", fallback.Host, fallback.Port)
		}
		assert.Equal(t, test.want, hosts)
		if assert.Equal(t, test.encrypted, got.TLSConfig != nil); test.encrypted {
			assert.Equal(t, "db.example.org", got.TLSConfig.ServerName)
			assert.False(t, got.TLSConfig.InsecureSkipVerify)
		}
	}
}

// TestPostgreSQLConfigSeveral covers what several hosts change.
func TestPostgreSQLConfigSeveral(t *testing.T) {
	config := capi.SiteConfig{DBType: "pgsql", Host: "a.example.org,b.example.org:5433,/run/pg", User: "joomla",
		DBEncryption: 1, DBSSLVerifyServerCert: true}
	got, err := postgresqlConfig(config, "")
	require.NoError(t, err)
	require.Len(t, got.Fallbacks, 2)
	assert.Equal(t, "b.example.org", got.Fallbacks[0].TLSConfig.ServerName, "each by its own name")
	assert.False(t, got.Fallbacks[0].TLSConfig.InsecureSkipVerify)
	assert.Nil(t, got.Fallbacks[1].TLSConfig, "a socket")
	assert.NotNil(t, got.ValidateConnect, "the primary alone")
	assert.Equal(t, 2*time.Second, got.ConnectTimeout)

	t.Setenv("PGTARGETSESSIONATTRS", "any")
	got, err = postgresqlConfig(config, "")
	require.NoError(t, err)
	assert.Nil(t, got.ValidateConnect)

	config.Host = "a.example.org"
	t.Setenv("PGTARGETSESSIONATTRS", "")
	got, err = postgresqlConfig(config, "")
	require.NoError(t, err)
	assert.Nil(t, got.ValidateConnect, "the only host may be a replica")
	assert.Equal(t, 5*time.Second, got.ConnectTimeout)

	for host, want := range map[string]string{"a,": "missing", ",": "missing", "a,b:c:d": "malformed"} {
		config.Host = host
		_, err = postgresqlConfig(config, "")
		assert.ErrorContains(t, err, want, host)
	}
}

// TestOpenDatabaseSendsNothingInTheClear connects to servers that offer no TLS.
func TestOpenDatabaseSendsNothingInTheClear(t *testing.T) {
	greeting := "\x0a5.7.0\x00" + "\x01\x00\x00\x00" + "12345678\x00" + "\x00\x82" + "\x21" + "\x02\x00" + "\x08\x00" +
		"\x15" + strings.Repeat("\x00", 10) + "123456789012\x00" + "mysql_native_password\x00"
	for dialect, serve := range map[string]func(net.Conn){
		"mysqli": func(conn net.Conn) { fmt.Fprintf(conn, "%c\x00\x00\x00%s", len(greeting), greeting) },
		"pgsql": func(conn net.Conn) {
			request := make([]byte, 8)
			_, _ = io.ReadFull(conn, request)
			_, _ = conn.Write([]byte("N"))
		},
	} {
		t.Run(dialect, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			defer listener.Close()
			sent := make(chan string, 8)
			go func() {
				for {
					conn, err := listener.Accept()
					if err != nil {
						return
					}
					serve(conn)
					text, _ := io.ReadAll(conn)
					sent <- string(text)
					conn.Close()
				}
			}()
			db, err := openDatabase(capi.SiteConfig{DBType: dialect, Host: listener.Addr().String(), User: "joomla",
				Password: capi.NewSecret("hunter2"), DBEncryption: 1}, "", slog.New(slog.DiscardHandler))
			require.NoError(t, err)
			defer db.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			err = db.PingContext(ctx)
			require.Error(t, err)
			assert.True(t, permanent(err), "%v", err)
			assert.Empty(t, <-sent)
		})
	}
}

// A fakeConnector connects, or fails with the error it is given.
type fakeConnector struct {
	err   error
	asked *[]string
	name  string
}

func (c fakeConnector) Connect(context.Context) (driver.Conn, error) {
	*c.asked = append(*c.asked, c.name)
	return nil, c.err
}

func (c fakeConnector) Driver() driver.Driver { return mysql.MySQLDriver{} }

func TestLocalConnector(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "unix", Err: errors.New("connection refused")}
	denied := &mysql.MySQLError{Number: 1045}
	there := filepath.Join(t.TempDir(), "a.sock")
	listener, err := net.Listen("unix", there)
	require.NoError(t, err)
	defer listener.Close()
	for _, test := range []struct {
		name  string
		paths []string
		errs  []error // of the sockets, then of TCP
		asked string
		want  error
	}{
		{"the first socket that is there", []string{"none", there}, []error{nil, nil, nil}, "1", nil},
		{"no socket", []string{"none"}, []error{nil, nil}, "1", nil},
		{"a socket without a server", []string{there}, []error{refused, nil}, "0 1", nil},
		{"a server that refuses", []string{there}, []error{denied, nil}, "0", denied},
		{"no server", []string{there}, []error{refused, errors.New("tcp")}, "0 1", refused},
	} {
		t.Run(test.name, func(t *testing.T) {
			var asked []string
			var connector localConnector
			for i, path := range append(test.paths, "localhost:3306") {
				connector = append(connector, localServer{fakeConnector{test.errs[i], &asked, fmt.Sprint(i)}, "unix", path})
			}
			if test.name == "no server" {
				connector[1].Connector = fakeConnector{&net.OpError{Op: "dial", Err: errors.New("tcp")}, &asked, "1"}
			}
			_, err := connector.Connect(t.Context())
			assert.Equal(t, test.want, err)
			assert.Equal(t, test.asked, strings.Join(asked, " "))
		})
	}
}

// TestCheckSocket reaches MySQL by its socket, which is what localhost means to
// PHP.
func TestCheckSocket(t *testing.T) {
	site := newSiteOf(t, "mysqli")
	var socket string
	require.NoError(t, site.DB.QueryRowContext(t.Context(), "SELECT @@socket").Scan(&socket))
	if !isSocket(socket) {
		require.Empty(t, os.Getenv("CI"))
		t.Skip("NOT TESTED: the server is not on this machine")
	}
	path := writePHP(t, site.php(map[string]any{"host": "localhost"}))
	output, err := exec.CommandContext(t.Context(), "capi", "check", "--config", path, "--db-socket", socket).CombinedOutput()
	require.NoError(t, err, "%s", output)
	assert.Contains(t, string(output), "MySQL at unix:"+socket)
}

func TestPermanent(t *testing.T) {
	for _, test := range []struct {
		err  error
		want bool
	}{
		{&mysql.MySQLError{Number: 1045}, true},
		{fmt.Errorf("pinging: %w", &mysql.MySQLError{Number: 1049}), true},
		{&mysql.MySQLError{Number: 1040}, false},
		{&mysql.MySQLError{Number: 1047}, false},
		{&mysql.MySQLError{Number: 1053}, false},
		{&net.OpError{Op: "dial", Err: errors.New("refused")}, false},
		{context.DeadlineExceeded, false},
		{errors.New("unable to open database file (14)"), true},
	} {
		assert.Equal(t, test.want, permanent(test.err), "%v", test.err)
	}
}
