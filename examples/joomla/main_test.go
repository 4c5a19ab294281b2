package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/examples/internal/process"
	"github.com/capi-go/capi/internal/joomlatest"
	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const path = "/api/v1/user/sessions"

// binary is the program, built once for all tests.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "capi-joomla-")
	if err != nil {
		log.Fatal(err)
	}
	binary = filepath.Join(dir, "joomla")
	output, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput()
	code := 1
	if err == nil {
		code = m.Run()
	} else {
		log.Printf("%v\n%s", err, output)
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

// sites are the databases that the program is tried with, each with the rows of a real Joomla 5.
var sites = []struct {
	name string
	// config returns what configuration.php says of the database, but for the site's own part.
	config func(t *testing.T) capi.SiteConfig
}{
	{"MariaDB", func(t *testing.T) capi.SiteConfig {
		dsn, err := mysql.ParseDSN(env("CAPI_MYSQL_DSN", "root@tcp(127.0.0.1:3306)/test"))
		require.NoError(t, err)
		return capi.SiteConfig{DBType: "mysqli", Host: dsn.Addr, User: dsn.User, Password: dsn.Passwd, DB: dsn.DBName}
	}},
	{"PostgreSQL", func(t *testing.T) capi.SiteConfig {
		dsn, err := pgx.ParseConfig(env("CAPI_POSTGRES_DSN", "postgres://postgres@127.0.0.1:5432/test?sslmode=disable"))
		require.NoError(t, err)
		host := dsn.Host
		if !strings.HasPrefix(host, "/") {
			host = net.JoinHostPort(host, strconv.Itoa(int(dsn.Port)))
		}
		return capi.SiteConfig{DBType: "pgsql", Host: host, User: dsn.User, Password: dsn.Password, DB: dsn.Database}
	}},
	{"SQLite", func(t *testing.T) capi.SiteConfig {
		return capi.SiteConfig{DBType: "sqlite", DB: filepath.Join(t.TempDir(), "joomla.sqlite")}
	}},
}

func env(name, fallback string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return fallback
}

// newSite makes the recorded site in a database, and returns the arguments with which the program serves it.
func newSite(t *testing.T, config capi.SiteConfig, recording *joomlatest.Recording) (args []string) {
	t.Helper()
	db := open(t, config)
	if err := ping(t.Context(), db); err != nil {
		if os.Getenv("CI") != "" {
			require.NoError(t, err)
		}
		t.Skipf("NOT TESTED: no database server: %v", err)
	}
	s := joomlatest.NewSite(t, db, joomlatest.Dialect(config.DBType), joomlatest.Joomla42, recording)
	config.DBPrefix = s.Prefix
	config.Secret = recording.Config.Secret
	return []string{"-config", write(t, config), "-listen", "127.0.0.1:0"}
}

// open opens a database to be written to.
func open(t *testing.T, config capi.SiteConfig) *sql.DB {
	t.Helper()
	var db *sql.DB
	var err error
	if config.DBType == "sqlite" {
		db, err = sql.Open("sqlite", config.DB)
	} else {
		db, err = openDatabase(config, 4, slog.New(slog.DiscardHandler))
	}
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	return db
}

// write writes a configuration.php as Joomla does.
func write(t *testing.T, config capi.SiteConfig) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "configuration.php")
	require.NoError(t, os.WriteFile(name, []byte(joomlatest.ConfigurationPHP(map[string]any{
		"offline": false, "dbtype": config.DBType, "host": config.Host, "user": config.User, "password": config.Password,
		"db": config.DB, "dbprefix": config.DBPrefix, "secret": config.Secret, "session_handler": "database", "lifetime": 15,
	})), 0o600))
	return name
}

// joomla5 returns what a real site wrote, as if it had written it just now.
func joomla5() *joomlatest.Recording {
	recording := joomlatest.Recorded("j5")
	recording.MoveTo(time.Now())
	return recording
}

// TestProgram asks the program with each cookie and token of a real site.
func TestProgram(t *testing.T) {
	for _, c := range sites {
		t.Run(c.name, func(t *testing.T) {
			data := joomla5()
			program := process.Start(t, binary, newSite(t, c.config(t), data)...)

			require.NotEmpty(t, data.Sessions)
			for _, session := range data.Sessions {
				want := session.Want()
				status, body, _ := program.Get(t, path, "Cookie", session.Cookie.Name+"="+session.Cookie.Value)
				assert.Equal(t, want, status, "%s: %.200s", session.Username, body)
				if status == http.StatusOK {
					assert.Len(t, list(t, body), len(data.Tables["session"]))
				}
			}
			require.NotEmpty(t, data.APITokens)
			for _, token := range data.APITokens {
				var header []string
				for name, value := range token.Headers {
					header = append(header, name, value)
				}
				status, _, _ := program.Get(t, path, header...)
				assert.Equal(t, token.Want(), status, token.Name)
			}

			status, body, _ := program.Get(t, "/healthz")
			assert.Equal(t, http.StatusOK, status)
			assert.JSONEq(t, `{"msg":"OK.","error":false,"status":200}`, body)
			status, body, header := program.Get(t, "/openapi.yaml")
			assert.Equal(t, http.StatusOK, status)
			assert.Equal(t, string(capi.OpenAPI()), body)
			assert.Equal(t, "application/yaml", header.Get("Content-Type"))
			status, _, _ = program.Get(t, path+"?token=hunter2hunter2", "token", "hunter3hunter3")
			assert.Equal(t, http.StatusUnauthorized, status)

			program.Interrupt(t)
			for line := range strings.Lines(program.Output()) {
				assert.True(t, json.Valid([]byte(line)), "%s", line)
			}
			for _, secret := range []string{data.Sessions[0].Cookie.Value, data.Config.Secret, "hunter"} {
				assert.NotContains(t, program.Output(), secret)
			}
			assert.Contains(t, program.Output(), `"method":"GET","route":"/api/v1/user/sessions","status":200`)
		})
	}
}

// TestStop shows that a list that is being sent when the program is told to stop is finished first.
func TestStop(t *testing.T) {
	for _, c := range sites {
		t.Run(c.name, func(t *testing.T) {
			data := joomla5()
			// More than fits into the buffers between the program and a client that does not read.
			big := strings.Repeat("0123456789abcdef", 8<<10)
			const rows = 300
			for i := range rows {
				data.Tables["session"] = append(data.Tables["session"], joomlatest.Row{
					"session_id": fmt.Sprintf("big%023d", i), "client_id": "0", "guest": "1",
					"time": strconv.FormatInt(data.Now, 10), "data": big, "userid": "0", "username": "",
				})
			}
			program := process.Start(t, binary, newSite(t, c.config(t), data)...)
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, program.URL+path, nil)
			require.NoError(t, err)
			r.Header.Set("X-Joomla-Token", data.APITokens[1].Headers["X-Joomla-Token"])
			response, err := http.DefaultClient.Do(r)
			require.NoError(t, err)
			defer response.Body.Close()
			require.Equal(t, http.StatusOK, response.StatusCode)
			body := make([]byte, 100<<10)
			_, err = io.ReadFull(response.Body, body)
			require.NoError(t, err)

			program.Signal(t, syscall.SIGTERM)
			program.WaitFor(t, `"msg":"stopping"`)
			require.Eventually(t, func() bool {
				_, err := net.Dial("tcp", strings.TrimPrefix(program.URL, "http://"))
				return errors.Is(err, syscall.ECONNREFUSED)
			}, 10*time.Second, 5*time.Millisecond, "nobody else is served")
			assert.NotContains(t, program.Output(), `"msg":"request"`, "the list is still being sent")

			rest, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			assert.Len(t, list(t, string(append(body, rest...))), len(data.Tables["session"]))
			assert.Equal(t, exitOK, program.Exited(t), "%s", program.Output())
			assert.Contains(t, program.Output(), `"cut":false`)
		})
	}
}

// TestImpatience shows what happens to a list that takes too long for whoever stops the program.
func TestImpatience(t *testing.T) {
	data := joomla5()
	big := strings.Repeat("0123456789abcdef", 8<<10)
	for i := range 300 {
		data.Tables["session"] = append(data.Tables["session"], joomlatest.Row{
			"session_id": fmt.Sprintf("big%023d", i), "client_id": nil, "guest": nil,
			"time": "0", "data": big, "userid": nil, "username": nil,
		})
	}
	args := newSite(t, sites[2].config(t), data)
	start := func(t *testing.T, more ...string) (*process.Process, *http.Response) {
		t.Helper()
		program := process.Start(t, binary, append(args, more...)...)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, program.URL+path, nil)
		require.NoError(t, err)
		r.Header.Set("X-Joomla-Token", data.APITokens[1].Headers["X-Joomla-Token"])
		response, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		t.Cleanup(func() { response.Body.Close() })
		program.Signal(t, syscall.SIGTERM)
		return program, response
	}
	t.Run("grace", func(t *testing.T) {
		program, response := start(t, "-grace", "50ms")
		assert.Equal(t, exitFailed, program.Exited(t))
		assert.Contains(t, program.Output(), "finishing the last answers")
		_, err := io.ReadAll(response.Body)
		assert.Error(t, err, "the list is cut")
	})
	t.Run("second signal", func(t *testing.T) {
		program, response := start(t)
		program.WaitFor(t, `"msg":"stopping"`)
		program.Signal(t, syscall.SIGTERM)
		assert.Equal(t, -1, program.Exited(t), "it is killed")
		_, err := io.ReadAll(response.Body)
		assert.Error(t, err, "the list is cut")
	})
}

func TestFlags(t *testing.T) {
	data := joomla5()
	data.Tables["session"][0]["time"] = "1"
	expired := data.Tables["session"][0]["session_id"]
	admin := data.Sessions[0].Cookie
	args := newSite(t, sites[2].config(t), data)
	ask := func(t *testing.T, more ...string) (body string, header http.Header) {
		t.Helper()
		program := process.Start(t, binary, append(args, more...)...)
		status, body, header := program.Get(t, path,
			"Cookie", admin.Name+"="+admin.Value, "Origin", "https://dashboard.example.org")
		require.Equal(t, http.StatusOK, status)
		program.Interrupt(t)
		return body, header
	}
	t.Run("none", func(t *testing.T) {
		body, header := ask(t)
		assert.Contains(t, body, expired)
		assert.Contains(t, body, admin.Value)
		assert.Equal(t, "*", header.Get("Access-Control-Allow-Origin"))
	})
	t.Run("active-only", func(t *testing.T) {
		body, _ := ask(t, "-active-only")
		assert.NotContains(t, body, expired)
		assert.Contains(t, body, admin.Value)
	})
	t.Run("redact", func(t *testing.T) {
		body, _ := ask(t, "-redact")
		assert.NotContains(t, body, admin.Value)
		again, _ := ask(t, "-redact")
		assert.Equal(t, body, again, "pseudonyms outlive the program")
	})
	t.Run("cors", func(t *testing.T) {
		_, header := ask(t, "-cors-origin", "https://dashboard.example.org", "-cors-origin", "https://b.example.org", "-cors-credentials")
		assert.Equal(t, "https://dashboard.example.org", header.Get("Access-Control-Allow-Origin"))
		assert.Equal(t, "true", header.Get("Access-Control-Allow-Credentials"))
		_, header = ask(t, "-cors-origin", "https://b.example.org")
		assert.Empty(t, header.Get("Access-Control-Allow-Origin"))
	})
}

// TestDatabaseGone takes the database away from a program that runs.
func TestDatabaseGone(t *testing.T) {
	data := joomla5()
	config := sites[0].config(t)
	_, address, err := config.Address()
	require.NoError(t, err)
	proxy := newProxy(t, address)
	args := newSite(t, config, data)
	// The same site, by another way.
	behind, err := capi.LoadSiteConfig(args[1])
	require.NoError(t, err)
	behind.Host = proxy.listener.Addr().String()
	args[1] = write(t, behind)

	program := process.Start(t, binary, args...)
	admin := data.Sessions[0].Cookie
	status, _, _ := program.Get(t, path, "Cookie", admin.Name+"="+admin.Value)
	require.Equal(t, http.StatusOK, status)

	proxy.close()
	status, body, _ := program.Get(t, path, "Cookie", admin.Name+"="+admin.Value)
	assert.Equal(t, http.StatusInternalServerError, status)
	assert.JSONEq(t, `{"msg":"Internal server error.","error":true,"status":500}`, body)
	status, body, _ = program.Get(t, "/healthz")
	assert.Equal(t, http.StatusServiceUnavailable, status)
	assert.JSONEq(t, `{"msg":"Database unavailable.","error":true,"status":503}`, body)
	program.Interrupt(t)
}

// A proxy passes connections on to a server until it is closed.
type proxy struct {
	listener net.Listener
	done     context.CancelFunc
}

func newProxy(t *testing.T, address string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	p := &proxy{listener, cancel}
	t.Cleanup(p.close)
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", address)
			if err != nil {
				client.Close()
				continue
			}
			context.AfterFunc(ctx, func() { client.Close(); server.Close() })
			go func() { _, _ = io.Copy(server, client); server.Close() }()
			go func() { _, _ = io.Copy(client, server); client.Close() }()
		}
	}()
	return p
}

func (p *proxy) close() {
	p.listener.Close()
	p.done()
}

func TestWrongStarts(t *testing.T) {
	unreachable := capi.SiteConfig{
		DBType: "mysqli", Host: "127.0.0.1:1", User: "joomla", Password: "hunter2", DB: "joomla", DBPrefix: "j_", Secret: "s3cret",
	}
	with := func(change func(*capi.SiteConfig)) string {
		config := unreachable
		change(&config)
		return write(t, config)
	}
	malformed := filepath.Join(t.TempDir(), "configuration.php")
	require.NoError(t, os.WriteFile(malformed, []byte("<?php\nclass JConfig {\n\tpublic $password = 'hunter2"), 0o600))
	for _, c := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"help", []string{"-h"}, exitOK, ""},
		{"nothing", nil, exitUsage, "-config is missing"},
		{"unknown flag", []string{"-what"}, exitUsage, "-what"},
		{"argument", []string{"-config", "c", "d"}, exitUsage, `unexpected argument "d"`},
		{"one connection", []string{"-config", "c", "-connections", "1"}, exitUsage, "-connections"},
		{"no file", []string{"-config", filepath.Join(t.TempDir(), "none.php")}, exitFailed, "no such file"},
		{"malformed", []string{"-config", malformed}, exitFailed, "line 3"},
		{"unknown database", []string{"-config", with(func(c *capi.SiteConfig) { c.DBType = "oracle" })}, exitFailed, "oracle"},
		{"bad host", []string{"-config", with(func(c *capi.SiteConfig) { c.Host = "a b" })}, exitFailed, "host"},
		{"bad prefix", []string{"-config", with(func(c *capi.SiteConfig) { c.DBPrefix = "a`b" })}, exitFailed, "prefix"},
		{"no MySQL", []string{"-config", with(func(*capi.SiteConfig) {})}, exitFailed, "reaching the database"},
		{"no PostgreSQL", []string{"-config", with(func(c *capi.SiteConfig) { c.DBType = "pgsql" })}, exitFailed, "reaching the database"},
		{"no SQLite", []string{"-config", with(func(c *capi.SiteConfig) { c.DBType, c.DB = "sqlite", "/nowhere/x" })}, exitFailed, "reaching the database"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			assert.Equal(t, c.code, run(ctx, c.args, &stdout, &stderr))
			assert.Contains(t, stderr.String(), c.says)
			assert.NotContains(t, stderr.String(), "hunter2")
			assert.NotContains(t, stderr.String(), "s3cret")
			assert.Equal(t, c.name == "help", stdout.Len() > 0)
		})
	}
}

// TestDatabases shows what the drivers are told of the forms of a host.
func TestDatabases(t *testing.T) {
	config := capi.SiteConfig{DBType: "mysqli", Host: "p:db.example.org:3307", User: "jo:om@la", Password: "p'w@/:?#", DB: "a/b"}
	my, err := mysqlConfig(config, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	assert.Equal(t, "tcp db.example.org:3307 jo:om@la p'w@/:?# a/b",
		strings.Join([]string{my.Net, my.Addr, my.User, my.Passwd, my.DBName}, " "))
	config.Host = "localhost:/run/mysqld/mysqld.sock"
	my, err = mysqlConfig(config, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	assert.Equal(t, "unix /run/mysqld/mysqld.sock", my.Net+" "+my.Addr)

	config.DBType, config.Host = "pgsql", "[::1]:5433"
	pg, err := postgresConfig(config)
	require.NoError(t, err)
	assert.Equal(t, "::1 5433 jo:om@la p'w@/:?# a/b",
		fmt.Sprintf("%s %d %s %s %s", pg.Host, pg.Port, pg.User, pg.Password, pg.Database))
	config.Host = "/var/run/postgresql"
	pg, err = postgresConfig(config)
	require.NoError(t, err)
	assert.Equal(t, "/var/run/postgresql 5432", fmt.Sprintf("%s %d", pg.Host, pg.Port))
}

// list returns the sessions of an answer.
func list(t *testing.T, body string) []capi.Session {
	t.Helper()
	var envelope capi.Envelope[[]capi.Session]
	require.NoError(t, json.Unmarshal([]byte(body), &envelope))
	return envelope.Msg
}
