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
	// batchSize is how many values are asked for at a time.
	batchSize = 256
	// maxKey is the longest key that Memcached has.
	maxKey = 250
	// maxPayload is the size of the column data, a mediumtext.
	maxPayload = 1<<24 - 1
)

// Options are the optional settings of a [Data]. The zero value is for any
// Joomla.
type Options struct {
	// Prefix is what the keys of sessions begin with; the id follows. Empty is
	// what the site's own Joomla uses, as [Data.ForJoomla] is told: "jfw" in
	// Joomla 4 to 6, and where it is not known. Joomla 3.x leaves sessions to
	// PHP's extension memcached, whose memcached.sess_prefix is
	// "memc.sess.key." where nothing else is set.
	Prefix string

	_ struct{} // Options are written with names.
}

// A Data is the [capi.SessionData] of a site that keeps its sessions in
// Memcached. It is safe for concurrent use. Make one with [New] or [Open]; the
// zero value has no client: its Payloads fails.
type Data struct {
	client *memcache.Client
	prefix string
	// byVersion reports whether the prefix is that of the site's Joomla.
	byVersion bool
	owned     bool
	// turns are those of PayloadsUpTo.
	turns chan struct{}
}

// maxTurns is how many requests read values at a time through PayloadsUpTo. How
// long a value is shows only once it is there; servers take 1 MiB at most
// unless they are told otherwise.
const maxTurns = 8

// New is [Options.New] of the zero value.
func New(client *memcache.Client) *Data { return Options{}.New(client) }

// New returns the Data of what client reaches. The client stays the caller's to
// close. Its Timeout is how long a server may take for each value; its
// MaxIdleConns should be as large as the number of requests at a time. New
// panics if client is nil.
func (o Options) New(client *memcache.Client) *Data {
	if client == nil {
		panic("memcachedata: nil client")
	}
	return &Data{
		client: client, prefix: cmp.Or(o.Prefix, joomla4), byVersion: o.Prefix == "", turns: make(chan struct{}, maxTurns),
	}
}

// ForJoomla returns d for a site of that major version of Joomla, with the
// prefix that the version has unless [Options.Prefix] says another. It is for
// [capi.Site], which knows the version. Close d alone.
func (d *Data) ForJoomla(version int) capi.SessionData {
	if version != 3 || !d.byVersion {
		return d
	}
	return &Data{client: d.client, prefix: joomla3, turns: d.turns}
}

// Open is [Options.Open] of the zero value.
func Open(site capi.SiteConfig) (*Data, error) { return Options{}.Open(site) }

// Open returns the Data of the server that site names in its SessionMemcached
// properties, whose host may be a name, an IP address, or the path of a socket.
// It connects to nothing yet, and resolves the host whenever it connects.
// [Data.Close] closes the connections.
//
// The error wraps [capi.ErrSiteConfig]: the session handler is not "memcached",
// or what site says of the server is malformed.
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

// A server is the selector that always picks it. It is its own address, whose
// host the dialer resolves: a ServerList does that but once.
type server struct{ network, address string }

func (s server) Network() string                     { return s.network }
func (s server) String() string                      { return s.address }
func (s server) PickServer(string) (net.Addr, error) { return s, nil }
func (s server) Each(f func(net.Addr) error) error   { return f(s) }

// serverOf returns the server that site names.
func serverOf(site capi.SiteConfig) (server, error) {
	if site.SessionHandler != "memcached" {
		return server{}, fmt.Errorf("%w: sessions are not in Memcached ($session_handler is %q)",
			capi.ErrSiteConfig, site.SessionHandler)
	}
	network, address, err := site.SessionAddress()
	return server{network, address}, err
}

// Close closes the idle connections of a Data that [Open] made. It does nothing
// to the client of a caller, and nothing for the zero Data.
func (d *Data) Close() error {
	if !d.owned {
		return nil
	}
	if err := d.client.Close(); err != nil {
		return fmt.Errorf("memcachedata: closing the client: %w", err)
	}
	return nil
}

// Payloads returns what Memcached holds for ids. See [capi.SessionData].
//
// It asks for 256 at a time, each time in one round trip to each server. An id
// that no key can have, with spaces or control characters or of more than 250
// bytes with the prefix, is that of no session; so is one whose value is no
// string of PHP's. A value of 16 MiB or more is an error.
//
// When ctx ends, Payloads returns at once. gomemcache knows no contexts, so a
// read that waits for an answer then goes on by itself, no longer than the
// client's Timeout after the last value came.
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

// PayloadsUpTo is Payloads, except that it does not uncompress or return
// sessions of more than limit bytes: their payload is nil, and lengths has
// their length, where it has 0 for all others. Some calls at a time read
// values, and others wait for them.
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

// get returns the items of ids by their keys. It calls done, unless that is
// nil, once nothing of it is being read any more.
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

// isKey reports whether Memcached takes key.
func isKey(key string) bool {
	for _, c := range []byte(key) {
		if c <= ' ' || c == 0x7f {
			return false
		}
	}
	return len(key) <= maxKey
}

// errAnswer replaces errors whose text quotes the answer.
var errAnswer = errors.New("answer that is not Memcached's, or an error of the server")

// withoutContent returns err, or what can be told of it if its text may quote
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
