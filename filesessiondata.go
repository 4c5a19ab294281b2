package capi

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/capi-go/capi/internal/joomla"
)

// FileSessionData is the [SessionData] of sites whose $session_handler is
// "filesystem" (Joomla 4 and later) or "none" (3.x): files that PHP names
// "sess_" followed by the id. The zero value has no directory, so Payloads
// returns an error. It is safe for concurrent use.
//
// It accepts the same files as PHP's own handler (ext/session/mod_files.c):
// regular files of Owners, root or the user of this process. Links and files of
// other users, which are common in a directory that every user may write, count
// as sessions that do not exist, and nothing in the directory makes it wait.
// Unlike PHP, it checks the owner even when running as root. It does not check
// the owner on systems whose files have no user ids, such as Windows, nor on
// AIX, Solaris and illumos.
//
// PHP locks a session until its page is made. Meanwhile, FileSessionData reads
// the previous content of the file. If that was written less than two seconds
// ago, it waits: mostly for some milliseconds, for a tenth of a second if pages
// follow one another closely, for half a second if the text is empty or has 4
// KiB or more, and at most for two seconds, for all sessions together. So it
// reads a complete text, from before a page or after it. A session that is
// written without any pause is an error.
type FileSessionData struct {
	// Dir is the directory of the files: the site's $session_filesystem_path
	// or, if that is empty, PHP's session.save_path. PHP's form "N;MODE;/path"
	// is allowed.
	Dir string
	// Lifetime is the site's: how long a session lives after it was last
	// written. Zero is [DefaultLifetime].
	Lifetime time.Duration
	// Owners are the ids of users whose files are sessions, such as the user
	// that the site's PHP runs as. Nil means only root and the real and the
	// effective user of this process. Users named here can log in as anybody.
	// In a user namespace, such as that of systemd's PrivateUsers=, do not name
	// 65534: it stands for all users that the namespace does not know.
	Owners []int
	// Now is the clock that files expire by. Nil is [time.Now].
	Now func() time.Time

	_ struct{} // Fields are written with names.
}

// longestPayload is the length of the longest session that a database stores.
const longestPayload = 16<<20 - 1

// Payloads returns the content of the files of ids that have not expired. See
// [SessionData]. A file of 16 MiB or more is an error. Errors about the fields
// of d wrap [ErrSiteConfig]. Errors of the file system can be tested for with
// [errors.Is], and name no file.
func (d FileSessionData) Payloads(ctx context.Context, ids []string) ([]Payload, error) {
	payloads, lengths, err := d.PayloadsUpTo(ctx, ids, longestPayload)
	if err != nil {
		return nil, err
	}
	for _, length := range lengths {
		if length > 0 {
			return nil, errors.New("capi: reading a session file: file of 16 MiB or more")
		}
	}
	return payloads, nil
}

// PayloadsUpTo is like Payloads, except that it does not read sessions of more
// than limit bytes: their payload is nil, and lengths holds their length in
// bytes, which is 0 for all others.
func (d FileSessionData) PayloadsUpTo(ctx context.Context, ids []string, limit int) (payloads []Payload, lengths []int, err error) {
	dir, err := d.sessionDir()
	if err != nil {
		return nil, nil, err
	}
	if d.Lifetime == 0 {
		d.Lifetime = DefaultLifetime
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	rules := joomla.SessionFileRules{Oldest: d.Now().Add(-d.Lifetime).Unix(), Owners: d.Owners, Limit: max(0, limit)}
	contents, lengths, err := dir.Read(ctx, ids, rules)
	if err != nil {
		return nil, nil, fmt.Errorf("capi: %w", err)
	}
	payloads = make([]Payload, len(contents))
	for i, content := range contents {
		payloads[i] = content
	}
	return payloads, lengths, nil
}

// validate returns what is wrong with d, or nil.
func (d FileSessionData) validate() error {
	_, err := d.sessionDir()
	if d.Lifetime < 0 {
		err = errors.Join(err, fmt.Errorf("%w: negative Lifetime %v of FileSessionData", ErrSiteConfig, d.Lifetime))
	}
	for _, owner := range d.Owners {
		if owner < 0 {
			err = errors.Join(err, fmt.Errorf("%w: negative user id %d in Owners of FileSessionData", ErrSiteConfig, owner))
		}
	}
	return err
}

// sessionDir returns the directory that d names. The error wraps ErrSiteConfig.
func (d FileSessionData) sessionDir() (joomla.SessionDir, error) {
	dir, err := joomla.ParseSavePath(d.Dir)
	if err != nil {
		return joomla.SessionDir{}, fmt.Errorf("%w: %w", ErrSiteConfig, err)
	}
	return dir, nil
}
