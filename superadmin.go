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

// A schema is what is known of the tables of a site, which differ by the
// version of Joomla. It is found out while the site is used, and only ever
// grows.
type schema uint32

const (
	// withFactors is set once a plugin for second factors was seen: these came
	// with the table #__user_mfa in Joomla 4.2. The table does not matter
	// before, since only the methods of enabled plugins count.
	withFactors schema = 1 << iota
	// withoutReset is set where the column requireReset of #__users was
	// missing, which came with Joomla 3.3.
	withoutReset
	schemas
)

// An accountQuery reads accounts of a site, and columns of the caller's. It has
// a text for each schema.
type accountQuery struct {
	texts   [schemas]string
	columns int
}

// accountQuery returns a query for the accounts u in the tables from.
func (s *Site) accountQuery(from, where string, columns ...string) accountQuery {
	const (
		plugins = ` FROM "#__extensions" AS e WHERE e."type" = 'plugin' AND e."folder" = 'multifactorauth' AND e."enabled" = 1`
		// Of a factor whose method is no plugin's name, it cannot be told which plugin
		// it belongs to: it counts, unless no plugin is enabled. So does otpKey, the
		// factor of Joomla 3.2 to 4.1: later versions make a row of it at the first
		// page after the password. The casts keep apart tables of different
		// collations, which MySQL refuses to compare.
		method   = `CAST(LOWER(f."method") AS CHAR(100))`
		disabled = `(SELECT CAST(d."element" AS CHAR(100)) FROM "#__extensions" AS d` +
			` WHERE d."type" = 'plugin' AND d."folder" = 'multifactorauth' AND d."enabled" <> 1)`
		factors = ` AND (EXISTS (SELECT 1 FROM "#__user_mfa" AS f WHERE f."user_id" = u."id" AND f."method" <> 'backupcodes'` +
			` AND (` + method + ` = CAST(e."element" AS CHAR(100)) OR ` + method + ` NOT IN ` + disabled + `))` +
			` OR (SELECT "otpKey" FROM "#__users" AS o WHERE o."id" = u."id") <> '')`
		// The inner name is that of the column where there is one, else that of the
		// table "missing".
		anyReset = `(SELECT "requireReset" FROM "#__users" AS r WHERE r."id" = u."id")`
	)
	q := accountQuery{columns: len(columns)}
	for i := range q.texts {
		count, reset, missing := `(SELECT COUNT(*)`+plugins+`)`, `u."requireReset"`, ""
		if schema(i)&withFactors != 0 {
			count, missing = `(SELECT COUNT(*)`+plugins+factors+`)`, ` CROSS JOIN (SELECT '' AS "otpKey") AS missing`
		}
		if schema(i)&withoutReset != 0 {
			reset, missing = anyReset, ` CROSS JOIN (SELECT 0 AS "requireReset", '' AS "otpKey") AS missing`
		}
		// Scalar subqueries rather than joins: one row a user, and nothing sent
		// twice. The root asset goes by its name. Broken trees have left-over
		// assets without a parent, which Joomla ignores.
		q.texts[i] = s.sql(`SELECT ` + strings.Join(append(columns[:len(columns):len(columns)],
			`u."id"`, `u."username"`, `u."block"`, `u."activation"`, reset,
			`(SELECT `+strings.Replace(s.dialect.list, "%", `COALESCE(p."id", 0)`, 1)+
				` FROM "#__user_usergroup_map" AS m LEFT JOIN "#__usergroups" AS g ON g."id" = m."group_id"`+
				` LEFT JOIN "#__usergroups" AS p ON p."lft" <= g."lft" AND p."rgt" >= g."rgt"`+
				` WHERE m."user_id" = u."id")`,
			s.dialect.listLimit,
			`(SELECT "rules" FROM "#__assets" WHERE "name" = 'root.1' ORDER BY "id" LIMIT 1)`,
			count,
			`(SELECT "params" FROM "#__extensions" WHERE "type" = 'component' AND "element" = 'com_users'`+
				` ORDER BY "extension_id" LIMIT 1)`), ", ") +
			` FROM ` + from + missing + ` WHERE ` + where)
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
		rows, factors, err := s.scanAccounts(ctx, q, known, args)
		switch {
		case err != nil && known&withoutReset == 0 && s.lacksReset(ctx):
			s.schema.Or(uint32(withoutReset))
		case err != nil:
			return nil, err
		case factors && known&withFactors == 0:
			s.schema.Or(uint32(withFactors))
		default:
			return rows, nil
		}
	}
}

// lacksReset reports whether #__users is known to have no column requireReset.
// The names of columns come with any result, whatever the database and the
// rights of the account.
func (s *Site) lacksReset(ctx context.Context) bool {
	columns, err := s.tableColumns(ctx, "users")
	return err == nil && !columns["requirereset"]
}

// scanAccounts runs q, and reports whether it saw a second factor, or without
// withFactors a plugin for one.
func (s *Site) scanAccounts(ctx context.Context, q accountQuery, known schema, args []any) (
	found []accountRow, factors bool, err error) {
	rows, err := s.db.QueryContext(ctx, q.texts[known], args...)
	if err != nil {
		return nil, false, err
	}
	defer rows.Close()
	for rows.Next() {
		var (
			id, block, reset, limit, count                  integer
			username, activation, groups, rules, parameters column
			row                                             = accountRow{columns: make([]column, q.columns)}
			dest                                            = make([]any, 0, q.columns+10)
		)
		for i := range row.columns {
			dest = append(dest, &row.columns[i])
		}
		dest = append(dest, &id, &username, &block, &activation, &reset, &groups, &limit, &rules, &count, &parameters)
		if err := rows.Scan(dest...); err != nil {
			return nil, false, err
		}
		factors = factors || count.value > 0
		if id.value > 0 {
			if limit.valid && int64(len(groups)) >= limit.value {
				return nil, false, errors.New("a user has more groups than group_concat_max_len of the database has room for")
			}
			row.account = account{
				id: id.value, username: string(username), groups: parseGroups(string(groups)),
				enrolled: known&withFactors != 0 && count.value > 0, usersParams: string(parameters),
			}
			row.account.decide(s, block, reset, strings.TrimSpace(string(activation)), string(rules))
		}
		found = append(found, row)
	}
	return found, factors, rows.Err()
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
