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
// the keys with SCAN, and takes from each session's data what a row would say:
//
//   - UserID, Time (of the last request) and Username are those of
//     [capi.Payload.State]. Joomla 3.4.7 and later do not keep the name in a
//     session: Username is empty.
//   - Guest reports whether UserID is 0.
//   - ClientID is [capi.ClientNone]: the data does not tell which application
//     it belongs to.
//   - A session whose data cannot be read is a guest's, without a time.
//
// It lists what has the prefix of its [Data] in one database. Where several
// sites keep sessions in one database of one server, with the same prefix, it
// lists the sessions of all, and nothing tells of which site a user id is. Give
// each site a database of its own ($session_redis_server_db) or, since a
// Cluster has but one, a server of its own. [capi.SessionAuthorizer] and Joomla
// itself have the same trouble: who is logged in to one of the sites is logged
// in to all.
//
// As SCAN guarantees, a session that is there from the beginning of a range to
// its end is in the list; one that comes or goes meanwhile may be. One may be
// there twice when Redis resizes its table, unless Redis names it twice in the
// same batch.
//
// A range holds one connection, and some hundred sessions in memory. It reads
// the nodes of a Cluster one after another. If its connection breaks, or a node
// loses keys of a Cluster to another, it fails rather than go on elsewhere,
// where the cursor means something else; slots that move between two other
// nodes meanwhile may hide sessions from it. A connection of the client, but no
// session, may be held for up to its ReadTimeout after the range has ended. The
// range fails at once if the client is not a [redis.Client],
// [redis.ClusterClient] or [redis.Ring].
//
// A Store is safe for concurrent use. The zero value has no Data: its ranges
// fail.
type Store struct{ data *Data }

// NewStore returns the Store of the sessions in data. It panics if data is nil.
func NewStore(data *Data) *Store {
	if data == nil {
		panic("redisdata: nil Data")
	}
	return &Store{data: data}
}

// A batch is some sessions, or the error that ends them.
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
					// All was sent, or the context ended before.
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
	for i := 0; err == nil && i < len(nodes); i++ {
		err = s.data.walk(ctx, nodes[i], cluster, send)
	}
	if err != nil {
		send(batch{err: withoutContent(err)})
	}
}

// nodes returns the clients of all servers that have sessions, and reports
// whether they are those of a Cluster.
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
	// A cursor means nothing to another server, nor to the same after a
	// restart. A Conn does not connect anew when its connection breaks.
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
			continue // Where most keys are others'.
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

// literal makes a pattern of Redis of what it is to match.
var literal = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`)

// session returns what a row of the table would say of a session.
func session(id string, payload capi.Payload) capi.Session {
	s := capi.Session{ID: id, ClientID: capi.ClientNone, Guest: true, Data: payload}
	if state, err := payload.State(); err == nil {
		s.Time, s.UserID, s.Username = state.Now, state.UserID, state.Username
		s.Guest = s.UserID <= 0
	}
	return s
}
