package redisdata

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/capi-go/capi"
)

// A Store is the [capi.Store] of a site that keeps its sessions in Redis and
// has $session_metadata off, so that its table #__session is empty. It finds
// the keys with SCAN, and fills in each Session from its data:
//
//   - UserID, Time (of the last request) and Username come from
//     [capi.Payload.State]. Joomla 3.4.7 and later do not keep the name in a
//     session, so Username is empty.
//   - Guest reports whether UserID is 0.
//   - ClientID is [capi.ClientNone], because the data does not name the
//     application.
//   - A session with unreadable data is a guest's, without a time.
//
// It lists the keys with the prefix of its [Data] in one database. If several
// sites keep sessions in the same database with the same prefix, it lists all
// of them, and user ids cannot be attributed to a site. Give each site its own
// database ($session_redis_server_db) or, since a Cluster has only one, its own
// server. [capi.SessionAuthorizer] and Joomla itself have the same problem:
// whoever is logged in to one of the sites is logged in to all.
//
// As SCAN guarantees, the list contains each session that exists during the
// whole range; one that comes or goes meanwhile may be missing. A session may
// be listed twice when Redis resizes its table, unless both are in the same
// batch.
//
// A range holds one connection, and a few hundred sessions in memory. It reads
// the nodes of a Cluster one after another. If its connection breaks, or slots of
// a Cluster move from one node to another, the range fails: a cursor means
// something else elsewhere, and sessions would be missing or listed twice. While
// slots move, it fails before its first session. A connection of the client,
// but no session, may be held for up to its ReadTimeout after the range has
// ended. The range fails at once if the client is not a [redis.Client],
// [redis.ClusterClient] or [redis.Ring].
//
// A Store is safe for concurrent use. The zero value has no Data, so its ranges
// fail.
type Store struct{ data *Data }

// NewStore returns the Store of the sessions in data. It panics if data is nil.
func NewStore(data *Data) *Store {
	if data == nil {
		panic("redisdata: nil Data")
	}
	return &Store{data: data}
}

// A batch is some sessions, or the error that ends the list.
type batch struct {
	ids      []string
	payloads []capi.Payload
	err      error
}

// Sessions returns an iterator over the sessions in Redis. See [capi.Store].
func (s *Store) Sessions(ctx context.Context) iter.Seq2[capi.Session, error] {
	return func(yield func(capi.Session, error) bool) {
		if s.data == nil || s.data.client == nil {
			yield(capi.Session{}, errors.New("redisdata: Store without a client"))
			return
		}
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		// Unbuffered, so that one batch is read while another is listed.
		batches := make(chan batch)
		go s.read(ctx, batches)
		for {
			var b batch
			select {
			case <-ctx.Done():
				b.err = ctx.Err()
			case next, more := <-batches:
				b = next
				if !more {
					// Everything was sent, or the context ended before that.
					if b.err = ctx.Err(); b.err == nil {
						return
					}
				}
			}
			if b.err != nil {
				yield(capi.Session{}, fmt.Errorf("redisdata: listing sessions: %w", b.err))
				return
			}
			for i, payload := range b.payloads {
				if err := ctx.Err(); err != nil {
					yield(capi.Session{}, fmt.Errorf("redisdata: listing sessions: %w", err))
					return
				}
				if payload != nil && !yield(session(b.ids[i], payload), nil) {
					return
				}
			}
		}
	}
}

// read sends the sessions of all nodes to batches, and then closes it. It ends
// with ctx.
func (s *Store) read(ctx context.Context, batches chan<- batch) {
	defer close(batches)
	send := func(b batch) bool {
		select {
		case batches <- b:
			return true
		case <-ctx.Done():
			return false
		}
	}
	nodes, cluster, err := s.data.nodes(ctx)
	before := ""
	if err == nil && cluster {
		before, err = slots(ctx, nodes)
	}
	for i := 0; err == nil && i < len(nodes); i++ {
		err = s.data.walk(ctx, nodes[i], cluster, send)
	}
	if err == nil && cluster {
		var after string
		if after, err = slots(ctx, nodes); err == nil && after != before {
			err = errMoving
		}
	}
	if err != nil {
		send(batch{err: withoutContent(err)})
	}
}

// nodes returns the clients of all servers with sessions, and reports whether
// they form a Cluster.
func (d *Data) nodes(ctx context.Context) (nodes []*redis.Client, cluster bool, err error) {
	var guard sync.Mutex // They are found concurrently.
	add := func(_ context.Context, node *redis.Client) error {
		guard.Lock()
		defer guard.Unlock()
		nodes = append(nodes, node)
		return nil
	}
	switch client := d.client.(type) {
	case *redis.Client:
		return []*redis.Client{client}, false, nil
	case interface {
		ForEachMaster(context.Context, func(context.Context, *redis.Client) error) error
	}:
		err = client.ForEachMaster(ctx, add)
		return nodes, true, err
	case interface {
		ForEachShard(context.Context, func(context.Context, *redis.Client) error) error
	}:
		err = client.ForEachShard(ctx, add)
		return nodes, false, err
	}
	return nil, false, errClient
}

// walk sends the sessions on a node, until send returns false.
func (d *Data) walk(ctx context.Context, node *redis.Client, cluster bool, send func(batch) bool) error {
	// A cursor is meaningless to another server, and to the same one after a
	// restart. A Conn does not reconnect when its connection breaks.
	conn := node.Conn()
	defer conn.Close()
	get := func(keys []string) ([]capi.Payload, error) {
		if cluster { // MGET wants keys of one slot.
			return getEach(ctx, conn, keys)
		}
		return getAtOnce(ctx, conn, keys)
	}
	pattern := literal.Replace(d.prefix) + "*"
	var keys []string
	for cursor, first := uint64(0), true; first || cursor != 0; first = false {
		found, next, err := conn.Scan(ctx, cursor, pattern, batchSize).Result()
		if err != nil {
			return err
		}
		keys, cursor = append(keys, found...), next
		if len(keys) < batchSize && cursor != 0 {
			continue // Most keys may have another prefix.
		}
		slices.Sort(keys)
		keys = slices.Compact(keys)
		for some := range slices.Chunk(keys, batchSize) {
			b := batch{ids: make([]string, len(some))}
			for i, key := range some {
				b.ids[i] = strings.TrimPrefix(key, d.prefix)
			}
			if b.payloads, err = get(some); err != nil {
				return err
			}
			if !send(b) {
				return ctx.Err()
			}
		}
		keys = keys[:0]
	}
	return nil
}

// literal escapes a text for a Redis pattern.
var literal = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`)

// session returns the Session for a payload.
func session(id string, payload capi.Payload) capi.Session {
	s := capi.Session{ID: id, ClientID: capi.ClientNone, Guest: true, Data: payload}
	if state, err := payload.State(); err == nil {
		s.Time, s.UserID, s.Username = state.Now, state.UserID, state.Username
		s.Guest = s.UserID <= 0
	}
	return s
}
