package redisdata_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// A server is a redis-server process for one test, which may kill it.
type server struct {
	port int
	args []string
	cmd  *exec.Cmd
}

// ownServer starts a redis-server with further arguments. It ends with the
// test.
func ownServer(t testing.TB, args ...string) *server {
	t.Helper()
	s := &server{port: freePort(t)}
	s.args = append([]string{"-", "--port", strconv.Itoa(s.port), "--bind", "127.0.0.1", "--save", "", "--dir", t.TempDir()}, args...)
	s.start(t)
	t.Cleanup(s.kill)
	return s
}

// freePort returns a free port. The port 10,000 above is also free: nodes of a
// Cluster use both.
func freePort(t testing.TB) int {
	t.Helper()
	for {
		port := 20000 + time.Now().Nanosecond()/1000%9000
		if one, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			one.Close()
			if two, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port+10000)); err == nil {
				two.Close()
				return port
			}
		}
	}
}

// start starts the process, and waits until it answers.
func (s *server) start(t testing.TB) {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil && os.Getenv("CI") == "" {
		t.Skip("NO redis-server ON THIS MACHINE, NOTHING OF IT IS TESTED")
	}
	require.NoError(t, err)
	s.cmd = exec.Command(path, s.args...)
	s.cmd.Stdin = strings.NewReader("") // The configuration, so that no file is read.
	if s.args[0] != "-" {
		s.cmd.Stdin = nil
	}
	require.NoError(t, s.cmd.Start())
	client := s.client()
	defer client.Close()
	until(t, func(ctx context.Context) bool {
		err := client.Ping(ctx).Err()
		return err == nil || redis.HasErrorPrefix(err, "NOAUTH")
	})
}

// kill ends the process at once.
func (s *server) kill() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

func (s *server) addr() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// client returns a client of the server, which the caller must close.
func (s *server) client() *redis.Client { return redis.NewClient(&redis.Options{Addr: s.addr()}) }

// until waits until done reports true, at most half a minute.
func until(t testing.TB, done func(context.Context) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !done(ctx) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("waited in vain")
		}
	}
}

// real returns a client of the Redis at CAPI_REDIS_URL, and a prefix of keys
// that the end of the test deletes.
func real(t testing.TB) (client *redis.Client, prefix string) {
	t.Helper()
	url := os.Getenv("CAPI_REDIS_URL")
	if url == "" {
		url = "redis://127.0.0.1:6379/0"
	}
	options, err := redis.ParseURL(url)
	require.NoError(t, err)
	client = redis.NewClient(options)
	if err := client.Ping(t.Context()).Err(); err != nil {
		client.Close()
		if os.Getenv("CI") != "" {
			t.Fatal("NO REDIS AT CAPI_REDIS_URL: ", err)
		}
		t.Skip("NO REDIS AT CAPI_REDIS_URL, NOTHING OF IT IS TESTED: ", err)
	}
	prefix = "capi-test-" + rand.Text() + ":"
	t.Cleanup(func() {
		defer client.Close()
		ctx := context.Background()
		keys := client.Scan(ctx, 0, prefix+"*", 1000).Iterator()
		for keys.Next(ctx) {
			client.Del(ctx, keys.Val())
		}
		require.NoError(t, keys.Err())
	})
	return client, prefix
}
