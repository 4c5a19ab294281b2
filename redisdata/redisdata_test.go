package redisdata_test

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/redisdata"
)

// mini returns a server in memory, and a client of it.
func mini(t *testing.T) (*miniredis.Miniredis, *redis.Client) {
	t.Helper()
	server := miniredis.RunT(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), MaxRetries: -1})
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return server, client
}

func TestDataPayloads(t *testing.T) {
	server, client := mini(t)
	odd := "odd \r\n\x00 id" + strings.Repeat("x", 500)
	for key, value := range map[string]string{
		"jfwlive": "joomla|s:4:\"bnVs\";", "jfwempty": "", "jfw" + odd: "x|N;", "PHPREDIS_SESSION:old": "x|i:3;", "jfwlive2": "\x00\xff",
	} {
		require.NoError(t, server.Set(key, value))
	}
	_, err := server.Lpush("jfwlist", "of another type")
	require.NoError(t, err)
	ids := []string{"live2", "gone", "empty", "list", odd, "", "live", "live", "old", "*"}
	want := []capi.Payload{capi.Payload("\x00\xff"), nil, {}, nil, capi.Payload("x|N;"), nil,
		capi.Payload(`joomla|s:4:"bnVs";`), capi.Payload(`joomla|s:4:"bnVs";`), nil, nil}
	for name, data := range map[string]*redisdata.Data{
		"one server": redisdata.New(client),
		// It does not look like a single server, so it is asked like a Cluster.
		"each key": redisdata.New(struct{ redis.UniversalClient }{client}),
	} {
		got, err := data.Payloads(t.Context(), ids)
		require.NoError(t, err, name)
		assert.Equal(t, want, got, name)
		got, err = data.Payloads(t.Context(), nil)
		require.NoError(t, err, name)
		assert.Empty(t, got, name)
	}
	three := redisdata.Options{Prefix: redisdata.Joomla3}.New(client)
	got, err := three.Payloads(t.Context(), []string{"live", "old"})
	require.NoError(t, err)
	assert.Equal(t, []capi.Payload{nil, capi.Payload("x|i:3;")}, got)
}

func TestDataPayloadsInBatches(t *testing.T) {
	server, client := mini(t)
	before := server.CommandCount()
	ids := make([]string, 1000)
	want := make([]capi.Payload, len(ids))
	for i := range ids {
		ids[i] = strings.Repeat("i", i)
		if i%3 > 0 {
			want[i] = capi.Payload(ids[i])
			require.NoError(t, server.Set("jfw"+ids[i], ids[i]))
		}
	}
	got, err := redisdata.New(client).Payloads(t.Context(), ids)
	require.NoError(t, err)
	assert.Equal(t, want, got)
	assert.Less(t, server.CommandCount()-before, 12)
}

func TestDataPayloadsTooLong(t *testing.T) {
	server, client := mini(t)
	require.NoError(t, server.Set("jfwmost", strings.Repeat("x", 1<<24-1)))
	require.NoError(t, server.Set("jfwmore", strings.Repeat("x", 1<<24)))
	for _, client := range []redis.UniversalClient{client, struct{ redis.UniversalClient }{client}} {
		data := redisdata.New(client)
		got, err := data.Payloads(t.Context(), []string{"most"})
		require.NoError(t, err)
		assert.Len(t, got[0], 1<<24-1)
		_, err = data.Payloads(t.Context(), []string{"most", "more"})
		require.EqualError(t, err, "redisdata: reading sessions: value of 16 MiB or more")
	}
}

// Whatever goes wrong, errors name no key, value or password.
func TestDataErrorsHoldNoSecrets(t *testing.T) {
	hide := []string{"secret", "3jh5kq", "bnVs"}
	for name, test := range map[string]struct {
		answer, want string // the server's answer to MGET or GET
	}{
		"a command renamed":    {"-ERR unknown command 'MGET', with args beginning with: 'jfw3jh5kq' \r\n", "unknown command"},
		"no permission":        {"-NOPERM this user has no permissions to run the 'mget' command\r\n", "NOPERM"},
		"loading":              {"-LOADING Redis is loading the dataset in memory\r\n", "LOADING"},
		"a slot of another":    {"-MOVED 3999 secret:6381\r\n", "another node"},
		"not an answer":        {"HTTP/1.1 400 bnVs\r\n\r\n", "is the server Redis?"},
		"another answer":       {"+bnVs\r\n", "is the server Redis?"},
		"an answer that stops": {"*1\r\n$900\r\nbnVs", "EOF"},
		"no answer":            {"", "EOF"},
		"fewer values":         {"*0\r\n", "is the server Redis?"},
		"values of other kind": {"*1\r\n:3\r\n", "is the server Redis?"},
	} {
		client := redis.NewClient(&redis.Options{
			Addr: answering(t, test.answer), Password: "secret", MaxRetries: -1, DisableIdentity: true,
			MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
		})
		_, err := redisdata.New(client).Payloads(t.Context(), []string{"3jh5kq"})
		require.NoError(t, client.Close())
		require.ErrorContains(t, err, test.want, name)
		for _, text := range hide {
			assert.NotContains(t, err.Error(), text, name)
		}
	}
}

// answering returns the address of a server that accepts any HELLO, answers
// everything else with answer, and then ends.
func answering(t *testing.T, answer string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				buffer := make([]byte, 4096)
				for {
					n, err := conn.Read(buffer)
					if err != nil {
						return
					}
					if sent := string(buffer[:n]); strings.Contains(strings.ToUpper(sent), "HELLO") {
						conn.Write([]byte("%1\r\n$5\r\nproto\r\n:3\r\n"))
						continue
					}
					conn.Write([]byte(answer))
					return
				}
			}()
		}
	}()
	return listener.Addr().String()
}

// Both a cancellation and a deadline end the wait for a silent server.
func TestDataPayloadsEndWithContext(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	accepted := make(chan net.Conn, 16)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			accepted <- conn
		}
	}()
	client := redis.NewClient(&redis.Options{Addr: listener.Addr().String()})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := redisdata.New(client).Payloads(ctx, []string{"id"})
		done <- err
	}()
	conn := <-accepted
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
	_, err = redisdata.New(client).Payloads(ctx, []string{"id"})
	require.ErrorIs(t, err, context.Canceled, "one that has ended")
	_, err = capi.Collect(redisdata.NewStore(redisdata.New(client)).Sessions(ctx))
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, listener.Close())
	require.NoError(t, conn.Close())
	require.NoError(t, client.Close())
}

func TestOpen(t *testing.T) {
	server := miniredis.RunT(t)
	server.RequireAuth("p4ss")
	server.DB(3).Set("jfwid", "x|N;")
	port := server.Server().Addr().Port
	site := capi.SiteConfig{SessionHandler: "redis", SessionRedisPort: port, SessionRedisDB: 3, SessionRedisAuth: capi.NewSecret("p4ss")}
	for _, host := range []string{"", "127.0.0.1", "localhost", "tcp://127.0.0.1", "[127.0.0.1]"} {
		site.SessionRedisHost = host
		data, err := redisdata.Open(site)
		require.NoError(t, err, host)
		got, err := data.Payloads(t.Context(), []string{"id"})
		require.NoError(t, err, host)
		assert.Equal(t, []capi.Payload{capi.Payload("x|N;")}, got, host)
		require.NoError(t, data.Close())
	}
	for _, password := range []string{"", "wr0ng"} {
		site.SessionRedisAuth = capi.NewSecret(password)
		data, err := redisdata.Open(site)
		require.NoError(t, err)
		_, err = data.Payloads(t.Context(), []string{"id"})
		require.Error(t, err)
		assert.NotContains(t, err.Error(), "wr0ng")
		require.NoError(t, data.Close())
	}
}

// With tls://, only a certificate of the system's authorities is accepted.
func TestOpenTLS(t *testing.T) {
	for want, start := range map[string]func(*httptest.Server){
		"certificate": (*httptest.Server).StartTLS, "TLS handshake": (*httptest.Server).Start,
	} {
		server := httptest.NewUnstartedServer(http.NotFoundHandler())
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		start(server)
		data, err := redisdata.Open(capi.SiteConfig{SessionHandler: "redis", SessionRedisHost: "tls://localhost",
			SessionRedisPort: server.Listener.Addr().(*net.TCPAddr).Port})
		require.NoError(t, err)
		_, err = data.Payloads(t.Context(), []string{"id"})
		require.ErrorContains(t, err, want)
		require.NoError(t, data.Close())
		server.Close()
	}
}

func TestOpenRefuses(t *testing.T) {
	for want, site := range map[string]capi.SiteConfig{
		"$session_handler":           {SessionHandler: "database"},
		"$session_redis_server_db":   {SessionHandler: "redis", SessionRedisDB: -1},
		"$session_redis_server_port": {SessionHandler: "redis", SessionRedisPort: 65536},
	} {
		_, err := redisdata.Open(site)
		require.ErrorIs(t, err, capi.ErrSiteConfig)
		require.ErrorContains(t, err, want)
	}
	for _, host := range []string{"http://a", "tls:///run/socket", "u:secret@a", "a:6379", "a/secret", "/run/\x00", "tls://"} {
		_, err := redisdata.Open(capi.SiteConfig{SessionHandler: "redis", SessionRedisHost: host})
		if host == "tls://" {
			require.NoError(t, err, "the host is Joomla's default")
			continue
		}
		require.ErrorIs(t, err, capi.ErrSiteConfig, host)
		require.ErrorContains(t, err, "$session_redis_server_host")
		assert.NotContains(t, err.Error(), "secret")
	}
}

func TestDataZeroValue(t *testing.T) {
	var data redisdata.Data
	_, err := data.Payloads(t.Context(), []string{"id"})
	require.Error(t, err)
	require.NoError(t, data.Close())
	_, err = capi.Collect(new(redisdata.Store).Sessions(t.Context()))
	require.Error(t, err)
	assert.Panics(t, func() { redisdata.New(nil) })
	assert.Panics(t, func() { redisdata.NewStore(nil) })
}
