package capi

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/capi-go/capi/internal/joomla"
)

// checkedTables are the tables that every site has, with the columns that this
// package reads.
var checkedTables = []struct {
	name    string
	columns []string
}{
	{"session", []string{"session_id", "client_id", "guest", "time", "data", "userid", "username"}},
	{"users", []string{"id", "username", "name", "email", "block", "activation"}},
	{"user_usergroup_map", []string{"user_id", "group_id"}},
	{"usergroups", []string{"id", "lft", "rgt", "title"}},
	{"viewlevels", []string{"id", "rules"}},
	{"assets", []string{"id", "name", "rules"}},
	{"extensions", []string{"extension_id", "type", "folder", "element", "enabled", "state", "access", "params"}},
	{"user_profiles", []string{"user_id", "profile_key", "profile_value"}},
}

// Check returns everything that keeps s from being served, joined by
// [errors.Join]; each error says what to do about it. It finds an unreachable
// database, connections that do not use UTF-8, tables and columns that are
// missing or unreadable, a wrong prefix, a missing root asset, and session data
// that is unreachable, that lacks a [SessionData], or that is not where s looks
// for it ([ErrSessionData]). It returns nil if all is well. Use it at the start
// of a program and in its readiness route; it takes a dozen small queries, and
// reads the data of a dozen sessions where that is outside of the database. It
// is safe for concurrent use.
func (s *Site) Check(ctx context.Context) error {
	if err := s.db.PingContext(ctx); err != nil {
		return fmt.Errorf("capi: cannot connect to the database: check $host, $user, $password and $db, and that it runs: %w", err)
	}
	problems := s.checkCharacterSet(ctx)
	missing, wrong := 0, make(map[string]bool)
	for _, table := range checkedTables {
		absent, err := s.checkTable(ctx, table.name, table.columns)
		if absent {
			missing++
		}
		if err != nil {
			problems, wrong[table.name] = append(problems, err), true
		}
	}
	if missing == len(checkedTables) {
		problems = []error{fmt.Errorf("capi: no table with the prefix %q: check $dbprefix and $db", s.config.DBPrefix)}
	} else {
		problems = append(problems, s.checkRows(ctx, wrong)...)
	}
	return errors.Join(append(problems, s.checkData(ctx, wrong["session"]))...)
}

// checkCharacterSet returns problems with the character set of connections.
func (s *Site) checkCharacterSet(ctx context.Context) (problems []error) {
	if s.dialect.characterSet == "" {
		return nil
	}
	found, err := s.column(ctx, s.dialect.characterSet)
	switch {
	case err != nil:
		problems = append(problems, fmt.Errorf("capi: looking up the character set of the connection: %w", err))
	case len(found) == 1 && string(found[0]) != s.dialect.utf8:
		problems = append(problems, fmt.Errorf("capi: connections to the database have the character set %q, which changes names and "+
			"session data: set %s in the driver", found[0], s.dialect.utf8))
	}
	return problems
}

// checkTable reports whether a table is missing. The error says what is wrong
// with it.
func (s *Site) checkTable(ctx context.Context, name string, columns []string) (absent bool, err error) {
	table := s.config.DBPrefix + name
	found, err := s.tableColumns(ctx, name)
	if err != nil {
		if s.isMissing(ctx, name, err) {
			return true, fmt.Errorf("capi: no table %s: check $dbprefix and $db, or restore it", table)
		}
		// Columns may be granted one by one.
		_, err = s.column(ctx, s.sql(`SELECT "`+strings.Join(columns, `", "`)+`" FROM "#__`+name+`" WHERE 1 = 0`))
		if err != nil {
			if isDenied(err) {
				return false, fmt.Errorf("capi: table %s cannot be read: grant SELECT on it: %w", table, err)
			}
			return false, fmt.Errorf("capi: table %s cannot be read: %w", table, err)
		}
		return false, nil
	}
	columns = slices.DeleteFunc(slices.Clone(columns), func(column string) bool { return found[column] })
	if len(columns) > 0 {
		return false, fmt.Errorf("capi: table %s has no column %s: is it Joomla's, of 3.3 or later?", table, strings.Join(columns, ", "))
	}
	return false, nil
}

// checkRows returns what is wrong in the tables that are not in wrong, and with
// tables that not every site has.
func (s *Site) checkRows(ctx context.Context, wrong map[string]bool) (problems []error) {
	if !wrong["assets"] {
		root, err := s.column(ctx, s.sql(`SELECT "name" FROM "#__assets" WHERE "name" = 'root.1'`))
		switch {
		case err != nil:
			problems = append(problems, fmt.Errorf("capi: reading the root asset: %w", err))
		case len(root) == 0:
			problems = append(problems, errors.New("capi: no asset root.1, so nobody is a Super Admin: rebuild the site's assets"))
		}
	}
	if !wrong["extensions"] {
		// The privilege may have been granted since.
		s.schema.And(^uint32(unknownVersion))
		if version, err := s.askVersion(ctx); err == nil && version == joomla.UnknownVersion {
			problems = append(problems, fmt.Errorf("capi: unknown version of Joomla, so few sessions are accepted: "+
				"grant SELECT on all columns of the table %sextensions", s.config.DBPrefix))
		}
	}
	// The table of second factors matters once there is a plugin for one.
	factors := false
	if !wrong["extensions"] {
		plugins, err := s.readFactorPlugins(ctx)
		switch {
		case err != nil:
			problems = append(problems, fmt.Errorf("capi: reading the plugins: %w", err))
		case plugins.enabled != "":
			if _, err := s.checkTable(ctx, "user_mfa", []string{"user_id", "method"}); err != nil {
				problems, factors = append(problems, err), true
			}
		}
	}
	// Run the query of the guard itself, for nobody.
	if len(wrong) == 0 && !factors {
		if _, err := s.accounts(ctx, s.accountQuery(`"#__users" AS u`, `u."id" = 0`)); err != nil {
			problems = append(problems, fmt.Errorf("capi: accounts cannot be read: %w", err))
		}
	}
	// The table of the cAPI extension may be missing, but not unreadable.
	if absent, err := s.checkTable(ctx, "services_tokens", []string{"token", "userid", "state"}); err != nil && !absent {
		problems = append(problems, err)
	}
	return problems
}

// ErrSessionData is what [Site.Check] returns, wrapped, if a site has sessions
// outside of its database and none of the newest has data where its
// [SessionData] looks for it. It may pass if the store has just lost all
// sessions.
var ErrSessionData = errors.New("capi: none of the newest sessions has its data where it is looked for")

// newestSessions is how many sessions Check looks for.
const newestSessions = 12

// checkData returns what is wrong with session data outside the database. It
// does not ask for sessions if their table is wrong.
func (s *Site) checkData(ctx context.Context, wrong bool) error {
	if s.dataInTable() {
		return nil
	}
	if s.data == nil {
		return fmt.Errorf("capi: sessions are outside the database ($session_handler is %q): set SiteOptions.SessionData, "+
			"or no session cookie is accepted", s.config.SessionHandler)
	}
	version, err := s.version(ctx)
	if err != nil {
		return fmt.Errorf("capi: looking up the version of Joomla: %w", err)
	}
	var ids []string
	if !wrong {
		if ids, err = s.newest(ctx); err != nil {
			return fmt.Errorf("capi: reading the newest sessions: %w", err)
		}
	}
	// An id that nobody has shows whether the store can be reached.
	const longest = 64 << 10
	found, lengths, err := payloadsUpTo(ctx, s.dataOf(version), append(ids, "capi-check"), longest)
	if err != nil {
		return fmt.Errorf("capi: cannot read session data: check the settings of the $session_handler %q: %w",
			s.config.SessionHandler, err)
	}
	for i := range ids {
		if found[i] != nil || lengths[i] > 0 {
			return nil
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return fmt.Errorf("%w (%d of them, $session_handler is %q): check %s", ErrSessionData, len(ids), s.config.SessionHandler,
		checkedSettings[s.config.SessionHandler])
}

// checkedSettings says what to check for each session handler if no session has
// data.
var checkedSettings = map[string]string{
	"filesystem": "that the directory is PHP's session.save_path, which php_admin_value may set in place of " +
		"$session_filesystem_path, and that PHP's user is one of those whose files are trusted",
	"none":      "that the directory is PHP's session.save_path, and that PHP's user is one of those whose files are trusted",
	"redis":     "$session_redis_server_host, $session_redis_server_db and the prefix of the keys",
	"memcached": "$session_memcached_server_host and the prefix of the keys",
}

// newest returns the ids of the newest live sessions.
func (s *Site) newest(ctx context.Context) ([]string, error) {
	query := s.sql(fmt.Sprintf(`SELECT "session_id" FROM "#__session" WHERE "time" >= ? ORDER BY "time" DESC LIMIT %d`, newestSessions))
	oldest := min(max(s.oldest(), 1e9), math.MaxInt32) // See SQLStore.
	rows, err := s.column(ctx, query, strconv.FormatInt(oldest, 10))
	var ids []string
	for _, id := range rows {
		ids = append(ids, string(id))
	}
	return ids, err
}
