package capi

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/capi-go/capi/internal/joomla"
)

// An account is a user of a site, with all that decides what it may do. The
// zero account is that of a user who does not exist.
type account struct {
	id       int64
	username string
	// refusal is why the account may not be used, nil if it may.
	refusal error
	// groups are those of the user and all their ancestors, as
	// Joomla\CMS\Access\Access::getGroupsByUser finds them: by nested set, 1
	// alone for a user who is in none, and 0 for one that does not exist.
	groups []int64
	// superAdmin reports whether the user is one, if the account may be used.
	superAdmin bool
	// enrolled reports whether the user has a second factor that counts, or may.
	enrolled bool
	// usersParams are the parameters of the component com_users.
	usersParams string
}

var (
	errBlocked      = &refusal{ErrForbidden, "user is blocked"}
	errNotActivated = &refusal{ErrForbidden, "user is not activated"}
	errMustReset    = &refusal{ErrForbidden, "user has to reset the password"}
	errSecondFactor = &refusal{ErrForbidden, "second factor is pending"}
)

// user returns the User that a is.
func (a account) user(credential string) User {
	return User{ID: a.id, Username: a.username, Groups: a.groups, SuperAdmin: a.superAdmin, Credential: credential}
}

// isRootUser reports whether a is the root user of the configuration. A number
// is an id only: Joomla takes it for a username too, so that whoever registers
// under that name is root.
func (s *Site) isRootUser(a account) bool {
	if id, err := strconv.ParseInt(strings.TrimSpace(s.config.RootUser), 10, 64); err == nil {
		return a.id == id
	}
	return s.config.RootUser != "" && a.username == s.config.RootUser
}

// A schema is what is known of the tables of a site, which differ by the version
// of Joomla. It is found out while the site is used, and only ever grows.
type schema uint32

const (
	// withFactors is set once a plugin for second factors was seen: these came
	// with the table #__user_mfa in Joomla 4.2. The table does not matter before,
	// since factors count only while a plugin is enabled.
	withFactors schema = 1 << iota
	// withoutColumns is set where #__users lacks requireReset, which came with
	// Joomla 3.3, or otpKey, which is there since 3.2 and deprecated.
	withoutColumns
	schemas
)

// An accountQuery reads accounts of a site, and columns of the caller's. It has
// a text for each schema.
type accountQuery struct {
	texts   [schemas]string
	columns int
}

// accountQuery returns a query for the accounts u in the tables from. It has
// scalar subqueries rather than joins: one row a user, and nothing sent twice.
func (s *Site) accountQuery(from, where string, columns ...string) accountQuery {
	list := func(of string) string { return strings.Replace(s.dialect.list, "%", of, 1) }
	plugins := func(enabled string) string {
		return `(SELECT ` + list(`e."element"`) + ` FROM "#__extensions" AS e` +
			` WHERE e."type" = 'plugin' AND e."folder" = 'multifactorauth' AND e."enabled" ` + enabled + `)`
	}
	q := accountQuery{columns: len(columns)}
	for i := range q.texts {
		reset, otpKey, methods := `u."requireReset"`, `NULL`, `NULL`
		if schema(i)&withFactors != 0 {
			otpKey = `u."otpKey"`
			methods = `(SELECT ` + list(`f."method"`) + ` FROM "#__user_mfa" AS f` +
				` WHERE f."user_id" = u."id" AND f."method" <> 'backupcodes')`
		}
		from := from
		if schema(i)&withoutColumns != 0 {
			// The name is that of the column where there is one, else that of the
			// table "missing".
			column := func(name string) string {
				return `(SELECT "` + name + `" FROM "#__users" AS r WHERE r."id" = u."id")`
			}
			reset = column("requireReset")
			if otpKey != `NULL` {
				otpKey = column("otpKey")
			}
			from += ` CROSS JOIN (SELECT 0 AS "requireReset", '' AS "otpKey") AS missing`
		}
		q.texts[i] = s.sql(`SELECT ` + strings.Join(append(columns[:len(columns):len(columns)],
			`u."id"`, `u."username"`, `u."block"`, `u."activation"`, reset,
			`(SELECT `+list(`COALESCE(p."id", 0)`)+
				` FROM "#__user_usergroup_map" AS m LEFT JOIN "#__usergroups" AS g ON g."id" = m."group_id"`+
				` LEFT JOIN "#__usergroups" AS p ON p."lft" <= g."lft" AND p."rgt" >= g."rgt"`+
				` WHERE m."user_id" = u."id")`,
			s.dialect.listLimit,
			// By its name: broken trees have left-over assets without a parent, which
			// Joomla ignores.
			`(SELECT "rules" FROM "#__assets" WHERE "name" = 'root.1' ORDER BY "id" LIMIT 1)`,
			methods, otpKey, plugins(`= 1`), plugins(`<> 1`),
			`(SELECT "params" FROM "#__extensions" WHERE "type" = 'component' AND "element" = 'com_users'`+
				` ORDER BY "extension_id" LIMIT 1)`), ", ") +
			` FROM ` + from + ` WHERE ` + where)
	}
	return q
}

// An accountRow is a row that an accountQuery finds.
type accountRow struct {
	// columns are the caller's.
	columns []column
	// account is the zero account where there is no such user.
	account account
}

// accounts returns the rows that q finds.
func (s *Site) accounts(ctx context.Context, q accountQuery, args ...any) ([]accountRow, error) {
	for {
		known := schema(s.schema.Load())
		rows, plugins, err := s.scanAccounts(ctx, q, known, args)
		switch {
		case err != nil && known&withoutColumns == 0 && s.lacksColumns(ctx):
			s.schema.Or(uint32(withoutColumns))
		case err != nil:
			return nil, err
		case plugins && known&withFactors == 0:
			s.schema.Or(uint32(withFactors))
		default:
			return rows, nil
		}
	}
}

// lacksColumns reports whether #__users is known to lack a column that is read.
// The names of columns come with any result, whatever the database and the
// rights of the account.
func (s *Site) lacksColumns(ctx context.Context) bool {
	columns, err := s.tableColumns(ctx, "users")
	return err == nil && !(columns["requirereset"] && columns["otpkey"])
}

// scanAccounts runs q, and reports whether it saw an enabled plugin for second
// factors.
func (s *Site) scanAccounts(ctx context.Context, q accountQuery, known schema, args []any) (
	found []accountRow, plugins bool, err error) {
	rows, err := s.db.QueryContext(ctx, q.texts[known], args...)
	if err != nil {
		return nil, false, err
	}
	defer rows.Close()
	for rows.Next() {
		var (
			id, block, reset, limit                         integer
			username, activation, groups, rules, parameters column
			methods, otpKey, enabled, disabled              column
			row                                             = accountRow{columns: make([]column, q.columns)}
			dest                                            = make([]any, 0, q.columns+13)
		)
		for i := range row.columns {
			dest = append(dest, &row.columns[i])
		}
		dest = append(dest, &id, &username, &block, &activation, &reset, &groups, &limit, &rules,
			&methods, &otpKey, &enabled, &disabled, &parameters)
		if err := rows.Scan(dest...); err != nil {
			return nil, false, err
		}
		plugins = plugins || len(enabled) > 0
		if id.value > 0 {
			for _, list := range []column{groups, methods, enabled, disabled} {
				if limit.valid && int64(len(list)) >= limit.value {
					return nil, false, errors.New("group_concat_max_len of the database has no room for the groups of a user or for plugins")
				}
			}
			row.account = account{
				id: id.value, username: string(username), groups: parseGroups(string(groups)), usersParams: string(parameters),
				enrolled: joomla.Enrolled(string(methods), string(otpKey), string(enabled), string(disabled)),
			}
			row.account.decide(s, block, reset, strings.TrimSpace(string(activation)), string(rules))
		}
		found = append(found, row)
	}
	return found, plugins, rows.Err()
}

// decide sets what follows from the columns of an account.
func (a *account) decide(s *Site, block, reset integer, activation, rules string) {
	switch {
	case block.value != 0:
		a.refusal = errBlocked
	case activation != "" && activation != "0":
		a.refusal = errNotActivated
	case reset.value != 0:
		a.refusal = errMustReset
	default:
		a.superAdmin = s.isRootUser(*a) || joomla.CoreAdmin(rules, append([]int64{-a.id}, a.groups...))
	}
}

// parseGroups returns the ids in a list of the database's.
func parseGroups(list string) []int64 {
	if list == "" {
		return []int64{1}
	}
	groups := make([]int64, 0, 8)
	for text := range strings.SplitSeq(list, ",") {
		if id, err := strconv.ParseInt(text, 10, 64); err == nil {
			groups = append(groups, id)
		}
	}
	return groups
}
