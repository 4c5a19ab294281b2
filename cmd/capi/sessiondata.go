package main

import (
	"cmp"
	"fmt"
	"io"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/memcachedata"
	"github.com/capi-go/capi/redisdata"
)

// A sessionData reads the sessions that a site keeps outside of its database.
type sessionData struct {
	capi.SessionData // nil for a site that keeps them in its database
	// store lists the sessions if the table does not have them. It is nil if the
	// table does.
	store capi.Store
	// close is nil if there is nothing to close.
	close io.Closer
}

// sessionData returns what reads the sessions of a site. It does not connect yet.
func (f siteFlags) sessionData(config capi.SiteConfig) (sessionData, error) {
	switch handler := config.SessionHandler; handler {
	case "", "database":
		return sessionData{}, nil
	case "filesystem", "none":
		dir := cmp.Or(f.sessionDir, config.SessionFilesystemPath) // Flags take precedence, as variables do.
		if dir == "" && f.rowsSuffice {
			return sessionData{}, nil
		}
		if dir == "" {
			return sessionData{}, fmt.Errorf("sessions live in files ($session_handler is %q), but $session_filesystem_path does not say "+
				"where: give PHP's session.save_path with --session-dir, or accept only tokens with --tokens-only", handler)
		}
		return sessionData{SessionData: capi.FileSessionData{Dir: dir, Lifetime: config.Lifetime, Owners: f.sessionOwners}}, nil
	case "redis":
		data, err := redisdata.Options{Prefix: f.sessionPrefix}.Open(config)
		if err != nil {
			return sessionData{}, err
		}
		found := sessionData{SessionData: data, close: data}
		if config.SessionMetadataOff {
			found.store = redisdata.NewStore(data)
		}
		return found, nil
	case "memcached":
		data, err := memcachedata.Options{Prefix: f.sessionPrefix}.Open(config)
		if err != nil {
			return sessionData{}, err
		}
		return sessionData{SessionData: data, close: data}, nil
	default:
		if f.rowsSuffice {
			return sessionData{}, nil
		}
		return sessionData{}, fmt.Errorf("sessions live where only PHP can read them ($session_handler is %q): "+
			"set the site's handler to database, redis, memcached or filesystem, or accept only tokens with --tokens-only", handler)
	}
}
