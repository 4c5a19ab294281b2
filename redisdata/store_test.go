package redisdata_test

import (
	"context"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/redisdata"
	"github.com/capi-go/capi/storetest"
)

// asRows is a Store that adds what only rows have to the sessions in Redis, so
// that they can be compared with rows: some fields, and sessions without data.
type asRows struct {
	*redisdata.Store
	rows map[string]capi.Session
}

// newAsRows puts sessions into Redis.
func newAsRows(t *testing.T, client redis.UniversalClient, prefix string, sessions []capi.Session) capi.Store {
	rows := make(map[string]capi.Session, len(sessions))
	for _, row := range sessions {
		rows[row.ID] = row
		if row.Data != nil {
			require.NoError(t, client.Set(t.Context(), prefix+row.ID, []byte(row.Data), time.Minute).Err())
		}
	}
	return asRows{redisdata.NewStore(redisdata.Options{Prefix: prefix}.New(client)), rows}
}

func (s asRows) Sessions(ctx context.Context) iter.Seq2[capi.Session, error] {
	return func(yield func(capi.Session, error) bool) {
		for session, err := range s.Store.Sessions(ctx) {
			if row, ok := s.rows[session.ID]; ok && err == nil {
				data := session.Data
				session, session.Data = row, data
			}
			if !yield(session, err) || err != nil {
				return
			}
		}
		for _, row := range s.rows {
			if row.Data == nil && !yield(row, nil) {
				return
			}
		}
	}
}

func TestStoreConforms(t *testing.T) {
	storetest.Run(t, func(t *testing.T, sessions []capi.Session) capi.Store {
		_, client := mini(t)
		return newAsRows(t, client, "jfw", sessions)
	})
}

func TestStoreSessions(t *testing.T) {
	server, client := mini(t)
	const prefix = `a*[b]?\:`
	for key, value := range map[string]string{
		// Joomla before 3.4.7 stores more of the user than the id.
		prefix + "in":        `__default|a:2:{s:13:"session.timer";i:0;s:4:"user";O:5:"JUser":2:{s:2:"id";s:2:"42";s:8:"username";s:5:"steve";}}`,
		prefix + "timed":     `__default|a:2:{s:7:"session";a:1:{s:5:"timer";a:1:{s:3:"now";i:1795646391;}}s:4:"user";a:1:{s:2:"id";i:7;}}`,
		prefix + "guest":     "",
		prefix + "nobody":    `__default|a:1:{s:4:"user";a:1:{s:2:"id";i:-7;}}`,
		prefix + "broken":    "joomla|s:9:\"",
		"axx[b]x:other":      "x|N;",
		`a*[b]?:`:            "x|N;",
		"PHPREDIS_SESSION:3": "x|N;",
	} {
		require.NoError(t, server.Set(key, value))
	}
	_, err := server.SAdd(prefix+"set", "of another type")
	require.NoError(t, err)
	list, err := capi.Collect(redisdata.NewStore(redisdata.Options{Prefix: prefix}.New(client)).Sessions(t.Context()))
	require.NoError(t, err)
	got := map[string]string{}
	for _, s := range list {
		got[s.ID] = fmt.Sprintln(s.ClientID, s.Guest, s.UserID, s.Username, s.Time.Unix(), len(s.Data))
	}
	assert.Equal(t, map[string]string{
		"in":     "none false 42 steve -62135596800 113\n",
		"timed":  "none false 7  1795646391 107\n",
		"guest":  "none true 0  -62135596800 0\n",
		"nobody": "none true -7  -62135596800 47\n",
		"broken": "none true 0  -62135596800 12\n",
	}, got)
}

// A cursor of SCAN is not valid on another connection, which may be to another
// server.
func TestStoreSessionsCut(t *testing.T) {
	server, client := mini(t)
	for i := range 3000 {
		require.NoError(t, server.Set(fmt.Sprint("jfw", i), "x|N;"))
	}
	addr, count := server.Addr(), 0
	var err error
	for _, err = range redisdata.NewStore(redisdata.New(client)).Sessions(t.Context()) {
		if count++; count == 10 {
			server.Close()
			require.NoError(t, server.StartAddr(addr))
		}
	}
	require.Error(t, err)
	require.Less(t, count, 3000)
	list, err := capi.Collect(redisdata.NewStore(redisdata.New(client)).Sessions(t.Context()))
	require.NoError(t, err)
	assert.Len(t, list, 3000)
}

// A context that ends with the last session of a batch ends the range with an
// error, so that it does not look whole.
func TestStoreSessionsCancelled(t *testing.T) {
	server, client := mini(t)
	for i := range 600 {
		require.NoError(t, server.Set(fmt.Sprint("jfw", i), "x|N;"))
	}
	store := redisdata.NewStore(redisdata.New(client))
	for try := range 40 {
		ctx, cancel := context.WithCancel(t.Context())
		last := 256 * (1 + try%2) // The server names 256 at a time.
		var err error
		count := 0
		for _, err = range store.Sessions(ctx) {
			if count++; count == last {
				cancel()
				time.Sleep(100 * time.Microsecond) // Lets the reader ahead notice.
			}
		}
		cancel()
		require.ErrorIs(t, err, context.Canceled, "after session %d", last)
	}
}

func TestStoreUnknownClient(t *testing.T) {
	_, client := mini(t)
	_, err := capi.Collect(redisdata.NewStore(redisdata.New(struct{ redis.UniversalClient }{client})).Sessions(t.Context()))
	require.ErrorContains(t, err, "the client is not a")
}
