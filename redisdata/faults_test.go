package redisdata_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/internal/joomlatest"
	"github.com/capi-go/capi/redisdata"
)

// superAdmin returns a recorded live session in Redis.
func superAdmin(t testing.TB) joomlatest.Case {
	t.Helper()
	for _, c := range joomlatest.Handlers() {
		if c.SessionHandler == "redis" && c.Site == "j5" && c.Want == http.StatusOK && c.Metadata {
			return c
		}
	}
	t.Fatal("no such case")
	panic(nil)
}

// guarded returns a service with the guard of a site, and the keys of a live
// session.
func guarded(t testing.TB, data capi.SessionData) (*service, joomlatest.Case) {
	c := superAdmin(t)
	_, site := newSite(t, c.Recording, data, true)
	guard, err := capi.NewSessionAuthorizer(site)
	require.NoError(t, err)
	return serve(t, capi.NewSQLStore(site), guard), c
}

func TestFaultStoreDownAndUp(t *testing.T) {
	own := ownServer(t)
	client := own.client()
	defer client.Close()
	service, c := guarded(t, redisdata.New(client))
	set := func() {
		for key, stored := range c.Redis {
			require.NoError(t, client.Set(t.Context(), key, stored.Value, time.Hour).Err())
		}
	}
	set()
	service.requireStatus(t, http.StatusOK, c.Cookies)
	own.kill()
	service.requireStatus(t, http.StatusInternalServerError, c.Cookies)
	service.requireStatus(t, http.StatusUnauthorized, nil)
	assert.Equal(t, 1, strings.Count(service.log(), "level=ERROR"), service.log())
	for _, id := range c.Cookies {
		assert.NotContains(t, service.log(), id)
	}
	own.start(t)
	service.requireStatus(t, http.StatusUnauthorized, c.Cookies) // It has lost everything.
	set()
	service.requireStatus(t, http.StatusOK, c.Cookies)
}

func TestFaultWrongPassword(t *testing.T) {
	own := ownServer(t, "--requirepass", "r1ght")
	for _, password := range []string{"wr0ng", "", "r1ght"} {
		data, err := redisdata.Open(capi.SiteConfig{
			SessionHandler: "redis", SessionRedisPort: own.port, SessionRedisAuth: capi.NewSecret(password)})
		require.NoError(t, err)
		service, c := guarded(t, data)
		want := http.StatusInternalServerError
		if password == "r1ght" {
			want = http.StatusUnauthorized // There is no such session.
		}
		service.requireStatus(t, want, c.Cookies)
		assert.NotContains(t, service.log(), "wr0ng")
		require.NoError(t, data.Close())
	}
}

func TestFaultValueOfAnotherType(t *testing.T) {
	client, prefix := real(t)
	service, c := guarded(t, redisdata.Options{Prefix: prefix}.New(client))
	for _, id := range c.Cookies {
		require.NoError(t, client.HSet(t.Context(), prefix+id, "user", "102").Err())
	}
	service.requireStatus(t, http.StatusUnauthorized, c.Cookies)
}

// With a server that accepts connections and never answers, the request's
// context ends the wait.
func TestFaultSilentServer(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer silent.Close()
	data, err := redisdata.Open(capi.SiteConfig{SessionHandler: "redis", SessionRedisPort: silent.Addr().(*net.TCPAddr).Port})
	require.NoError(t, err)
	defer data.Close()
	c := superAdmin(t)
	_, site := newSite(t, c.Recording, data, true)
	guard, err := capi.NewSessionAuthorizer(site)
	require.NoError(t, err)
	for name, end := range map[string]func(context.Context) (context.Context, context.CancelFunc){
		"deadline": func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 50*time.Millisecond)
		},
		"cancelled": func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(50*time.Millisecond, cancel)
			return ctx, cancel
		},
	} {
		ctx, cancel := end(t.Context())
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
		require.NoError(t, err)
		for name, value := range c.Cookies {
			request.AddCookie(&http.Cookie{Name: name, Value: value})
		}
		err = guard.Authorize(request)
		require.ErrorIs(t, err, ctx.Err(), name)
		assert.NotErrorIs(t, err, capi.ErrUnauthenticated)
		_, err = capi.Collect(capi.NewSQLStore(site).Sessions(ctx))
		require.ErrorIs(t, err, ctx.Err(), name)
		cancel()
	}
}

// Redis stops in the middle of a list, of rows or of its own: neither list
// looks whole.
func TestFaultKilledDuringTheList(t *testing.T) {
	own := ownServer(t)
	client := own.client()
	defer client.Close()
	data := redisdata.New(client)
	tables, site := newSite(t, emptyRecording(), data, true)
	const n = 5000
	fill(t, client, "jfw", tables, n, 8000)
	serve(t, capi.NewSQLStore(site), anyone).requireCut(t, own.kill)
	own.start(t)
	fill(t, client, "jfw", nil, n, 8000)
	serve(t, redisdata.NewStore(data), anyone).requireCut(t, own.kill)
	// If it is up again before the next read, its keys are gone, which looks
	// like ended sessions.
	own.start(t)
	fill(t, client, "jfw", nil, n, 8000)
	serve(t, redisdata.NewStore(data), anyone).requireCut(t, func() { own.kill(); own.start(t) })
	fill(t, client, "jfw", nil, n, 8000)
	filled := serve(t, capi.NewSQLStore(site), anyone)
	_, rest, err := filled.get(t.Context(), nil, func() { own.kill(); own.start(t) })
	if err != nil { // A read came while it was down.
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		return
	}
	assert.True(t, strings.HasSuffix(strings.TrimSpace(string(rest)), `"error":false,"status":200}`), "%.100q", rest[max(0, len(rest)-100):])
	assert.Contains(t, string(rest), `"data":null`)
	assert.Equal(t, n-1, strings.Count(string(rest), `"session_id"`), "after the first, which was read before")
}

// A session that expires between its row and its data is left out, and the list
// is whole.
func TestFaultExpiredDuringTheList(t *testing.T) {
	client, prefix := real(t)
	data := redisdata.Options{Prefix: prefix}.New(client)
	tables, site := newSite(t, emptyRecording(), data, true)
	const n = 2000
	for _, activeOnly := range []bool{false, true} {
		tables.Exec(t, `DELETE FROM "#__session"`)
		fill(t, client, prefix, tables, n, 8)
		var gone []string
		for i := 1; i < n; i += 2 {
			gone = append(gone, fmt.Sprintf("%ssession%08d", prefix, i))
		}
		live, ended := 0, 0
		store := capi.SQLStoreOptions{ActiveOnly: activeOnly}.NewSQLStore(site)
		for session, err := range store.Sessions(t.Context()) {
			require.NoError(t, err)
			if live == 0 {
				require.NoError(t, client.PExpireAt(t.Context(), gone[0], time.Unix(1, 0)).Err())
				require.NoError(t, client.Del(t.Context(), gone...).Err())
			}
			if session.Data == nil {
				ended++
			} else {
				live++
			}
		}
		assert.GreaterOrEqual(t, live, n/2)
		assert.LessOrEqual(t, live, n/2+3*256/2, "those that were read before")
		if activeOnly {
			assert.Zero(t, ended)
		} else {
			assert.Equal(t, n, live+ended)
		}
	}
}

// The error names a command that the account may not use.
func TestFaultNoPermission(t *testing.T) {
	own := ownServer(t)
	client := own.client()
	defer client.Close()
	require.NoError(t, client.Do(t.Context(), "ACL", "SETUSER", "reader", "on", ">pass", "~jfw*", "+mget").Err())
	reader := redis.NewClient(&redis.Options{Addr: own.addr(), Username: "reader", Password: "pass"})
	defer reader.Close()
	data := redisdata.New(reader)
	got, err := data.Payloads(t.Context(), []string{"id"})
	require.NoError(t, err)
	assert.Equal(t, []capi.Payload{nil}, got)
	_, err = capi.Collect(redisdata.NewStore(data).Sessions(t.Context()))
	require.ErrorContains(t, err, "'scan'")
}
