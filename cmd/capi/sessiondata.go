package main

import (
	"cmp"
	"fmt"

	"github.com/capi-go/capi"
)

// sessionData returns what reads the sessions of a site, or nil for one that keeps
// them in its database.
func (f siteFlags) sessionData(config capi.SiteConfig) (capi.SessionData, error) {
	switch handler := config.SessionHandler; handler {
	case "", "database":
		return nil, nil
	case "filesystem", "none":
		dir := cmp.Or(config.SessionFilesystemPath, f.sessionDir)
		if dir == "" {
			return nil, fmt.Errorf("sessions live in files ($session_handler is %q), but $session_filesystem_path does not say where: "+
				"give PHP's session.save_path with -session-dir, or serve tokens alone with -tokens-only", handler)
		}
		return capi.FileSessionData{Dir: dir, Lifetime: config.Lifetime}, nil
	default:
		return nil, fmt.Errorf("sessions live where this program cannot read them ($session_handler is %q): "+
			"set the site's handler to database, or serve tokens alone with -tokens-only", handler)
	}
}
