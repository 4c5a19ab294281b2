package memcachedata

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/capi-go/capi"
)

const (
	// joomla4 is the prefix of Joomla\Session\Handler\MemcachedHandler.
	joomla4 = "jfw"
	// joomla3 is the default of PHP's memcached.sess_prefix.
	joomla3 = "memc.sess.key."
	// batchSize is how many values to read at a time.
	batchSize = 256
	// maxKey is the length of the longest key in Memcached.
	maxKey = 250
	// maxPayload is the size of the column data, a mediumtext.
	maxPayload = 1<<24 - 1
)

// Options are the optional settings of a [Data]. The zero value fits any
// version of Joomla.
type Options struct {
	// Prefix is the prefix of the keys of sessions, which the id follows. Empty
	// is the prefix for the version given to [Data.ForJoomla]: "jfw" in Joomla
	// 4 to 6, and if the version is unknown. Joomla 3.x leaves sessions to
	// PHP's extension memcached, whose memcached.sess_prefix is
	// "memc.sess.key." by default.
	Prefix string

	_ struct{} // Options are written with names.
}

// A Data is the [capi.SessionData] of a site that keeps its sessions in
// Memcached. It is safe for concurrent use. Make one with [New] or [Open]; the
// zero value has no client, so its methods return errors.
type Data struct {
	client *memcache.Client
	prefix string
	// byVersion reports whether the prefix depends on the version of Joomla.
	byVersion bool
	owned     bool
	// turns limits the concurrent calls of PayloadsUpTo.
	turns chan struct{}
}

// maxTurns is how many calls of PayloadsUpTo read values at a time. The length
// of a value is known only once it has arrived; servers accept at most 1 MiB by
// default.
const maxTurns = 8

// New calls [Options.New] with the zero Options.
func New(client *memcache.Client) *Data { return Options{}.New(client) }

// New returns a Data that reads from client. The caller closes the client. Its
// Timeout is how long a server may take for each value. Set its MaxIdleConns to
// the number of concurrent requests. New panics if client is nil.
func (o Options) New(client *memcache.Client) *Data {
	if client == nil {
		panic("memcachedata: nil client")
	}
	return &Data{
		client: client, prefix: cmp.Or(o.Prefix, joomla4), byVersion: o.Prefix == "", turns: make(chan struct{}, maxTurns),
	}
}

// ForJoomla returns d for a site with that major version of Joomla, with the
// version's prefix unless [Options.Prefix] sets one. [capi.Site], which knows
// the version, calls it. Close only d.
func (d *Data) ForJoomla(version int) capi.SessionData {
	if version != 3 || !d.byVersion {
		return d
	}
	return &Data{client: d.client, prefix: joomla3, turns: d.turns}
}

// Open calls [Options.Open] with the zero Options.
func Open(site capi.SiteConfig) (*Data, error) { return Options{}.Open(site) }

// Open returns a Data for the server in the SessionMemcached properties of
// site, whose host may be a name, an IP address, or the path of a socket. It
// does not connect yet, and resolves the host whenever it connects.
// [Data.Close] closes the connections.
//
// The error wraps [capi.ErrSiteConfig]: the session handler is not "memcached",
// or the properties are malformed.
func (o Options) Open(site capi.SiteConfig) (*Data, error) {
	server, err := serverOf(site)
	if err != nil {
		return nil, err
	}
	client := memcache.NewFromSelector(server)
	client.MaxIdleConns = 16
	data := o.New(client)
	data.owned = true
	return data, nil
}

// A server is a selector that always picks itself. It is its own address, which
// the dialer resolves each time, unlike a ServerList, which resolves once.
type server struct{ network, address string }

func (s server) Network() string                     { return s.network }
func (s server) String() string                      { return s.address }
func (s server) PickServer(string) (net.Addr, error) { return s, nil }
func (s server) Each(f func(net.Addr) error) error   { return f(s) }

// serverOf returns the server in the properties of site.
func serverOf(site capi.SiteConfig) (server, error) {
	if site.SessionHandler != "memcached" {
		return server{}, fmt.Errorf("%w: sessions are not in Memcached ($session_handler is %q)",
			capi.ErrSiteConfig, site.SessionHandler)
	}
	network, address, err := site.SessionAddress()
	return server{network, address}, err
}

// Close closes the idle connections of a Data that [Open] made. It does not
// close a client given to [New], and does nothing for the zero Data.
func (d *Data) Close() error {
	if !d.owned {
		return nil
	}
	if err := d.client.Close(); err != nil {
		return fmt.Errorf("memcachedata: closing the client: %w", err)
	}
	return nil
}

// Payloads returns the values for ids. See [capi.SessionData].
//
// It reads 256 at a time, in one round trip to each server. An id that cannot
// be in a key, with spaces, control characters or more than 250 bytes including
// the prefix, has no session, nor does one whose value is not a PHP string. A
// value of 16 MiB or more is an error.
//
// When ctx ends, Payloads returns at once. gomemcache has no contexts, so a
// read that waits for an answer then continues for at most the client's Timeout
// after the last value.
func (d *Data) Payloads(ctx context.Context, ids []string) ([]capi.Payload, error) {
	if d.client == nil {
		return nil, errors.New("memcachedata: Data without a client")
	}
	payloads := make([]capi.Payload, 0, len(ids))
	for len(ids) > 0 {
		some := ids[:min(len(ids), batchSize)]
		ids = ids[len(some):]
		items, err := d.get(ctx, some, nil)
		if err != nil {
			return nil, fmt.Errorf("memcachedata: reading sessions: %w", err)
		}
		for _, id := range some {
			var payload capi.Payload
			if item := items[d.prefix+id]; item != nil {
				length := 0
				if payload, length, err = payloadOf(item, maxPayload); length > 0 {
					err = errTooLong
				}
				if err != nil {
					return nil, fmt.Errorf("memcachedata: reading sessions: %w", err)
				}
			}
			payloads = append(payloads, payload)
		}
	}
	return payloads, nil
}

// PayloadsUpTo is like Payloads, except that it does not decompress or return
// sessions of more than limit bytes: their payload is nil, and lengths holds
// their length, which is 0 for all others. Eight calls read values at a time,
// and others wait.
func (d *Data) PayloadsUpTo(ctx context.Context, ids []string, limit int) (payloads []capi.Payload, lengths []int, err error) {
	if d.client == nil {
		return nil, nil, errors.New("memcachedata: Data without a client")
	}
	select {
	case d.turns <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, fmt.Errorf("memcachedata: reading sessions: %w", ctx.Err())
	}
	items, err := d.get(ctx, ids, func() { <-d.turns })
	if err != nil {
		return nil, nil, fmt.Errorf("memcachedata: reading sessions: %w", err)
	}
	payloads, lengths = make([]capi.Payload, len(ids)), make([]int, len(ids))
	for i, id := range ids {
		if item := items[d.prefix+id]; item != nil {
			if payloads[i], lengths[i], err = payloadOf(item, limit); err != nil {
				return nil, nil, fmt.Errorf("memcachedata: reading sessions: %w", err)
			}
		}
	}
	return payloads, lengths, nil
}

// get returns the items of ids by key. It calls done, unless nil, when it has
// stopped reading.
func (d *Data) get(ctx context.Context, ids []string, done func()) (map[string]*memcache.Item, error) {
	if done == nil {
		done = func() {}
	}
	if err := ctx.Err(); err != nil {
		done()
		return nil, err
	}
	keys := make([]string, 0, len(ids))
	for _, id := range ids {
		if key := d.prefix + id; isKey(key) {
			keys = append(keys, key)
		}
	}
	type result struct {
		items map[string]*memcache.Item
		err   error
	}
	read := make(chan result, 1)
	go func() {
		defer done()
		items, err := d.client.GetMulti(keys)
		read <- result{items, err}
	}()
	select {
	case r := <-read:
		return r.items, withoutContent(r.err)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// isKey reports whether Memcached accepts key.
func isKey(key string) bool {
	for _, c := range []byte(key) {
		if c <= ' ' || c == 0x7f {
			return false
		}
	}
	return len(key) <= maxKey
}

// errAnswer replaces errors whose text quotes the answer.
var errAnswer = errors.New("unexpected answer, or an error of the server: is it Memcached?")

// withoutContent returns err, or an error without its text if that may quote
// keys and values.
func withoutContent(err error) error {
	var network net.Error
	var timeout *memcache.ConnectTimeoutError
	switch {
	case err == nil, errors.As(err, &network), errors.As(err, &timeout),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, memcache.ErrNoServers):
		return err
	}
	return errAnswer
}
