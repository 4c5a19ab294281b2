package redisdata

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/capi-go/capi"
)

// The prefixes of the keys of sessions, which the id follows.
const (
	// Joomla4 is the prefix of Joomla 4 to 6
	// (Joomla\Session\Handler\RedisHandler).
	Joomla4 = "jfw"
	// Joomla3 is the prefix of Joomla 3.x, which leaves sessions to PHP's
	// extension redis.
	Joomla3 = "PHPREDIS_SESSION:"
)

const (
	// batchSize is how many values to read at a time.
	batchSize = 256
	// maxPayload is the size of the column data, a mediumtext.
	maxPayload = 1<<24 - 1
)

// Options are the optional settings of a [Data]. The zero value fits any
// version of Joomla.
type Options struct {
	// Prefix is the prefix of the keys of sessions: [Joomla4], [Joomla3], or
	// the one in PHP's session.save_path of a 3.x site ("prefix="). Empty is
	// the prefix for the version given to [Data.ForJoomla], or Joomla4 without
	// it. There can be only one: otherwise, anybody who may write keys with
	// another prefix into the same database, such as another PHP application,
	// could log in to the site.
	Prefix string

	_ struct{} // Options are written with names.
}

// A Data is the [capi.SessionData] of a site that keeps its sessions in Redis.
// It is safe for concurrent use. Make one with [New] or [Open]; the zero value
// has no client, so its methods return errors.
type Data struct {
	client redis.UniversalClient
	prefix string
	// byVersion reports whether the prefix depends on the version of Joomla.
	byVersion bool
	owned     bool
}

// New calls [Options.New] with the zero Options.
func New(client redis.UniversalClient) *Data { return Options{}.New(client) }

// New returns a Data that reads from client: one server, the master that
// Sentinel names, or a Cluster. The caller closes the client. Its timeouts
// apply: a read may continue for ReadTimeout after a context has ended. New
// panics if client is nil.
func (o Options) New(client redis.UniversalClient) *Data {
	if client == nil {
		panic("redisdata: nil client")
	}
	return &Data{client: client, prefix: cmp.Or(o.Prefix, Joomla4), byVersion: o.Prefix == ""}
}

// ForJoomla returns d for a site with that major version of Joomla, with the
// version's prefix unless [Options.Prefix] sets one. [capi.Site], which knows
// the version, calls it. Close only d.
func (d *Data) ForJoomla(version int) capi.SessionData {
	if version != 3 || !d.byVersion {
		return d
	}
	return &Data{client: d.client, prefix: Joomla3}
}

// Open calls [Options.Open] with the zero Options.
func Open(site capi.SiteConfig) (*Data, error) { return Options{}.Open(site) }

// Open returns a Data for the server in the SessionRedis properties of site. It
// does not connect yet. The host may be a name, an IP address, or the path of a
// socket ("/run/redis.sock", "unix:///run/redis.sock"). With a leading tls://,
// the server needs a certificate signed by an authority that the system trusts.
// For other settings, make a client and use [Options.New]. [Data.Close] closes
// the connections.
//
// The error wraps [capi.ErrSiteConfig]: the session handler is not "redis", or
// the properties are malformed.
func (o Options) Open(site capi.SiteConfig) (*Data, error) {
	options, err := optionsOf(site)
	if err != nil {
		return nil, err
	}
	data := o.New(redis.NewClient(options))
	data.owned = true
	return data, nil
}

// optionsOf returns the options of a client for the server of site.
func optionsOf(site capi.SiteConfig) (*redis.Options, error) {
	if site.SessionHandler != "redis" {
		return nil, fmt.Errorf("%w: sessions are not in Redis ($session_handler is %q)", capi.ErrSiteConfig, site.SessionHandler)
	}
	options := &redis.Options{
		Password: site.SessionRedisAuth.Reveal(), DB: site.SessionRedisDB,
		// With these, an account needs only GET, MGET, GETRANGE, STRLEN, EXISTS
		// and SCAN.
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
		ContextTimeoutEnabled:    true,
	}
	if options.DB < 0 {
		return nil, fmt.Errorf("%w: negative database number ($session_redis_server_db)", capi.ErrSiteConfig)
	}
	if scheme, host, ok := strings.Cut(site.SessionRedisHost, "://"); ok && (scheme == "tcp" || scheme == "tls") {
		site.SessionRedisHost = host
		if scheme == "tls" {
			// The client verifies the certificate for the host of the address.
			options.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
		}
	}
	var err error
	if options.Network, options.Addr, err = site.SessionAddress(); err != nil {
		return nil, err
	}
	if options.Network == "unix" && options.TLSConfig != nil {
		return nil, fmt.Errorf("%w: TLS through a socket ($session_redis_server_host)", capi.ErrSiteConfig)
	}
	return options, nil
}

// Close closes the connections of a Data that [Open] made, whose methods then
// return errors. It does not close a client given to [New], and does nothing
// for the zero Data.
func (d *Data) Close() error {
	if !d.owned {
		return nil
	}
	if err := d.client.Close(); err != nil {
		return fmt.Errorf("redisdata: closing the client: %w", err)
	}
	return nil
}

// Payloads returns the values for ids. See [capi.SessionData].
//
// It reads 256 at a time, in one round trip: by MGET if the client is a
// [redis.Client], else by GETs in a pipeline for each node. As for Joomla, a
// key with a value other than a string is not a session. A value of 16 MiB or
// more, too long for a session in a database, is an error.
//
// When ctx ends, Payloads returns at once. A read that waits for an answer then
// continues for at most the client's ReadTimeout.
func (d *Data) Payloads(ctx context.Context, ids []string) ([]capi.Payload, error) {
	if d.client == nil {
		return nil, errors.New("redisdata: Data without a client")
	}
	payloads := make([]capi.Payload, 0, len(ids))
	for len(ids) > 0 {
		batch := ids[:min(len(ids), batchSize)]
		ids = ids[len(batch):]
		keys := make([]string, len(batch))
		for i, id := range batch {
			keys[i] = d.prefix + id
		}
		more, err := await(ctx, func() ([]capi.Payload, error) { return d.get(ctx, keys) })
		if err != nil {
			return nil, fmt.Errorf("redisdata: reading sessions: %w", err)
		}
		payloads = append(payloads, more...)
	}
	return payloads, nil
}

// PayloadsUpTo is like Payloads, except that it does not read sessions of more
// than limit bytes: their payload is nil, and lengths holds their length, which
// is 0 for all others. It takes one round trip, or one for each node.
func (d *Data) PayloadsUpTo(ctx context.Context, ids []string, limit int) (payloads []capi.Payload, lengths []int, err error) {
	if d.client == nil {
		return nil, nil, errors.New("redisdata: Data without a client")
	}
	found, err := await(ctx, func() ([]bounded, error) { return d.getUpTo(ctx, ids, limit) })
	if err != nil {
		return nil, nil, fmt.Errorf("redisdata: reading sessions: %w", err)
	}
	payloads, lengths = make([]capi.Payload, len(ids)), make([]int, len(ids))
	for i, value := range found {
		payloads[i], lengths[i] = value.payload, value.length
	}
	return payloads, lengths, nil
}

// A bounded is a value, or its length if it is too long.
type bounded struct {
	payload capi.Payload
	length  int
}

// getUpTo returns the values of ids.
func (d *Data) getUpTo(ctx context.Context, ids []string, limit int) ([]bounded, error) {
	pipeline := d.client.Pipeline()
	type asked struct {
		length, exists *redis.IntCmd
		value          *redis.StringCmd
	}
	all := make([]asked, len(ids))
	for i, id := range ids {
		key := d.prefix + id
		// One byte more than the limit, because the value may grow meanwhile.
		all[i] = asked{pipeline.StrLen(ctx, key), pipeline.Exists(ctx, key), pipeline.GetRange(ctx, key, 0, int64(limit))}
	}
	_, err := pipeline.Exec(ctx)
	if err != nil && !redis.HasErrorPrefix(err, "WRONGTYPE") {
		return nil, err
	}
	found := make([]bounded, len(ids))
	for i, asked := range all {
		value, err := asked.value.Bytes()
		if redis.HasErrorPrefix(err, "WRONGTYPE") {
			continue
		}
		if err := errors.Join(err, asked.length.Err(), asked.exists.Err()); err != nil {
			return nil, err
		}
		switch length := max(int(asked.length.Val()), len(value)); {
		case length > limit:
			found[i].length = length
		case len(value) > 0:
			found[i].payload = value
		case asked.exists.Val() > 0:
			found[i].payload = capi.Payload{}
		}
	}
	return found, nil
}

// get returns the values of keys.
func (d *Data) get(ctx context.Context, keys []string) ([]capi.Payload, error) {
	if _, single := d.client.(*redis.Client); single {
		return getAtOnce(ctx, d.client, keys)
	}
	return getEach(ctx, d.client, keys)
}

// getAtOnce returns the values of keys that are all on one server.
func getAtOnce(ctx context.Context, client redis.Cmdable, keys []string) ([]capi.Payload, error) {
	values, err := client.MGet(ctx, keys...).Result()
	if err != nil {
		return nil, err
	}
	if len(values) != len(keys) {
		return nil, errAnswer
	}
	payloads := make([]capi.Payload, len(keys))
	for i, value := range values {
		switch value := value.(type) {
		case nil:
		case string:
			if len(value) > maxPayload {
				return nil, errTooLong
			}
			payloads[i] = capi.Payload(value)
		default:
			return nil, errAnswer
		}
	}
	return payloads, nil
}

// getEach returns the values of keys, wherever they are.
func getEach(ctx context.Context, client redis.Cmdable, keys []string) ([]capi.Payload, error) {
	pipeline := client.Pipeline()
	for _, key := range keys {
		pipeline.Get(ctx, key)
	}
	commands, err := pipeline.Exec(ctx)
	if len(commands) != len(keys) {
		return nil, errors.Join(errAnswer, err)
	}
	payloads := make([]capi.Payload, len(keys))
	for i, command := range commands {
		value, err := command.(*redis.StringCmd).Bytes()
		switch {
		case err == nil && len(value) > maxPayload:
			return nil, errTooLong
		case err == nil && value == nil:
			payloads[i] = capi.Payload{}
		case err == nil:
			payloads[i] = value
		case errors.Is(err, redis.Nil) || redis.HasErrorPrefix(err, "WRONGTYPE"):
		default:
			return nil, err
		}
	}
	return payloads, nil
}
