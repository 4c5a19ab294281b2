package capi

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
// database, tables and columns that are missing or unreadable, a wrong prefix,
// a missing root asset, and session data that is unreachable or that s has no
// [SessionData] for. It returns nil if there is nothing. Use it at the start of
// a program and in its readiness route; it takes a dozen small queries, and
// reads no sessions. It is safe for concurrent use.
func (s *Site) Check(ctx context.Context) error {
	if err := s.db.PingContext(ctx); err != nil {
		return fmt.Errorf("capi: cannot connect to the database: check $host, $user, $password and $db, and that it runs: %w", err)
	}
	var problems []error
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
	return errors.Join(append(problems, s.checkData(ctx))...)
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
			return false, fmt.Errorf("capi: table %s cannot be read: grant SELECT on it: %w", table, err)
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

// checkData returns what is wrong with session data outside the database.
func (s *Site) checkData(ctx context.Context) error {
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
	if _, err := payloads(ctx, s.dataOf(version), []string{"capi-check"}); err != nil {
		return fmt.Errorf("capi: cannot read session data: check the settings of the $session_handler %q: %w",
			s.config.SessionHandler, err)
	}
	return nil
}
