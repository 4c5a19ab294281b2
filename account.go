package capi

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/capi-go/capi/internal/joomla"
)

// An account is a user of a site, with everything that decides what the user
// may do. The zero account stands for a user who does not exist.
type account struct {
	id                    int64
	username, name, email string
	// blocked reports whether the account is blocked.
	blocked bool
	// refusal is why the account may not be used, or nil if it may.
	refusal error
	// groups are the user's groups and all their ancestors, as
	// Joomla\CMS\Access\Access::getGroupsByUser finds them by nested set: only
	// 1 for a user without groups, and 0 for a group that does not exist. They
	// are in ascending order, each once.
	groups []int64
	// direct are those of groups that the user is assigned to.
	direct []int64
	// superAdmin reports whether the user is one, whether or not the account
	// may be used.
	superAdmin bool
	// methods lists the user's second factors except backup codes, separated by
	// commas.
	methods string
	// otpKey is the user's second factor of Joomla 3.2 to 4.1.
	otpKey string
	// usersParams are the parameters of the component com_users.
	usersParams string
}

var (
	errBlocked      = &refusal{ErrForbidden, "user is blocked"}
	errNotActivated = &refusal{ErrForbidden, "user is not activated"}
	errMustReset    = &refusal{ErrForbidden, "user has to reset the password"}
	errSecondFactor = &refusal{ErrForbidden, "second factor is pending"}
)

// errListLimit is the error of a list that the database may have cut.
var errListLimit = errors.New("a user has more groups or second factors than group_concat_max_len of the database has room for")

// user returns a as a User.
func (a account) user(credential string) User {
	groups := a.groups
	if len(groups) > 0 && groups[0] == 0 { // Joomla's id for a group that does not exist.
		groups = groups[1:]
	}
	return User{
		ID: a.id, Username: a.username, Name: a.name, Email: a.email, Groups: groups, DirectGroups: a.direct,
		SuperAdmin: a.superAdmin, Blocked: a.blocked, Credential: credential,
	}
}

// isRootUser reports whether a is the root user of the configuration. A number
// is only an id here: Joomla also takes it for a username, so whoever registers
// under that name is root.
func (s *Site) isRootUser(a account) bool {
	if id, err := strconv.ParseInt(strings.Trim(s.config.RootUser, joomla.NumericSpace), 10, 64); err == nil {
		return a.id == id
	}
	return s.config.RootUser != "" && a.username == s.config.RootUser
}

// An accountQuery reads accounts of a site, together with columns that the
// caller chooses. It has a text for each schema.
type accountQuery struct {
	texts   [schemas]string
	columns int
}

// accountQuery returns a query for the accounts u in the tables from, with one
// row per account, so that nothing is sent twice.
func (s *Site) accountQuery(from, where string, columns ...string) accountQuery {
	q := accountQuery{columns: len(columns)}
	for i := range q.texts {
		q.texts[i] = s.accountText(schema(i), from, where, columns)
	}
	return q
}

// accountText returns the text of an accountQuery for a schema.
func (s *Site) accountText(known schema, from, where string, columns []string) string {
	list := func(of string) string { return strings.Replace(s.dialect.list, "%", of, 1) }
	reset, otpKey := `u."requireReset"`, `u."otpKey"`
	methods := `(SELECT ` + list(`f."method"`) + ` FROM "#__user_mfa" AS f` +
		` WHERE f."user_id" = u."id" AND f."method" <> 'backupcodes')`
	// The root asset is found by its name, which is unique: a broken tree has
	// stray assets without a parent, which Joomla ignores.
	from += ` LEFT JOIN "#__assets" AS a ON a."name" = 'root.1'`
	if known&(withoutColumns|withoutLocked) != 0 {
		from += ` CROSS JOIN (SELECT 0 AS "requireReset", '' AS "otpKey", -1 AS "locked") AS missing`
	}
	if known&withoutColumns != 0 {
		// The name resolves to the column if it exists, else to the table
		// "missing".
		column := func(name string) string {
			return `(SELECT "` + name + `" FROM "#__users" AS r WHERE r."id" = u."id")`
		}
		reset, otpKey = column("requireReset"), column("otpKey")
	}
	// If a query that names the column "locked" succeeds, the column exists;
	// its value does not matter.
	named := ` AND COALESCE(e."locked", 0) IS NOT NULL`
	if known&(withoutLocked|unknownVersion) != 0 {
		named = ``
	}
	if known&withoutFactors != 0 {
		methods, otpKey = `NULL`, `NULL`
	}
	columns = append(slices.Clone(columns),
		`u."id"`, `u."username"`, `u."name"`, `u."email"`, `u."block"`, `u."activation"`, reset,
		// One list, in which the user's direct groups are negative. An id that
		// is negative itself, which Joomla never writes, must not become that
		// of another group.
		`(SELECT `+list(`CASE WHEN p."id" < 1 THEN 0 WHEN p."id" = g."id" THEN -p."id" ELSE COALESCE(p."id", 0) END`)+
			` FROM "#__user_usergroup_map" AS m LEFT JOIN "#__usergroups" AS g ON g."id" = m."group_id"`+
			` LEFT JOIN "#__usergroups" AS p ON p."lft" <= g."lft" AND p."rgt" >= g."rgt"`+
			` WHERE m."user_id" = u."id")`,
		s.dialect.listLimit, `a."rules"`, methods, otpKey,
		`(SELECT e."params" FROM "#__extensions" AS e WHERE e."type" = 'component' AND e."element" = 'com_users'`+named+` LIMIT 1)`)
	// These show that the site was upgraded. They are read only if it may have
	// been, since every column costs each request its description.
	if known&withoutFactors != 0 {
		columns = append(columns, `(SELECT MIN(e."element")`+fromFactorPlugins+` AND e."enabled" = 1)`)
	}
	if known.asksVersion() {
		columns = append(columns, lockedColumnIfAny)
	}
	return s.sql(`SELECT ` + strings.Join(columns, ", ") + ` FROM ` + from + ` WHERE ` + where)
}

// An accountRow is a row of an accountQuery.
type accountRow struct {
	// columns are those that the caller chose.
	columns []column
	// account is the zero account if there is no such user.
	account account
	// version is the site's version of Joomla.
	version joomla.Version
}

// accounts returns the rows of q.
func (s *Site) accounts(ctx context.Context, q accountQuery, args ...any) ([]accountRow, error) {
	if schema(s.schema.Load())&unknownVersion != 0 {
		if _, err := s.version(ctx); err != nil { // The version may be known by now.
			return nil, err
		}
	}
	for {
		known := schema(s.schema.Load())
		rows, outdated, err := s.scanAccounts(ctx, q, known, args)
		switch {
		case err != nil && !s.adapt(ctx, known):
			return nil, err
		case err != nil: // Ask again, for what exists.
		case outdated&withoutFactors == 0:
			s.schema.And(^uint32(outdated))
			return rows, nil
		default: // Ask again, with the columns that were left out.
			s.schema.And(^uint32(outdated))
		}
	}
}

// scanAccounts runs q. It returns the part of the known schema that is outdated
// because the site was upgraded.
func (s *Site) scanAccounts(ctx context.Context, q accountQuery, known schema, args []any) (
	found []accountRow, outdated schema, err error) {
	found, err = collect(ctx, s, q.texts[known], args, func(rows *result) (accountRow, error) {
		row, factors, err := s.scanAccount(rows, q.columns, known)
		if factors {
			outdated |= withoutFactors
		}
		if row.version == joomla.Joomla4 {
			outdated |= known & withoutLocked
		}
		return row, err
	})
	return found, outdated, err
}

// scanAccount returns the row of an accountQuery with the given number of
// columns that the caller chose. It reports whether it saw an enabled plugin
// for second factors, which a query with withoutFactors looks for.
func (s *Site) scanAccount(rows *result, columns int, known schema) (row accountRow, factors bool, err error) {
	var v struct { // One allocation, as everything escapes through Scan.
		id, block, reset, limit, locked   integer
		username, name, email, activation textColumn
		groups, rules, methods            textColumn
		otpKey, enabled, parameters       textColumn
		dest                              [22]any
	}
	row.columns = make([]column, columns)
	dest := v.dest[:0]
	for i := range row.columns {
		dest = append(dest, &row.columns[i])
	}
	dest = append(dest, &v.id, &v.username, &v.name, &v.email, &v.block, &v.activation, &v.reset, &v.groups, &v.limit, &v.rules,
		&v.methods, &v.otpKey, &v.parameters)
	if known&withoutFactors != 0 {
		dest = append(dest, &v.enabled)
	}
	if known.asksVersion() {
		dest = append(dest, &v.locked)
	}
	if err := rows.Scan(dest...); err != nil {
		return accountRow{}, false, err
	}
	row.version = known.version(v.locked)
	if v.id.value > 0 {
		if v.limit.valid && int64(max(len(v.groups), len(v.methods))) >= v.limit.value {
			return accountRow{}, false, errListLimit
		}
		row.account = account{
			id: v.id.value, username: string(v.username), name: string(v.name), email: string(v.email), blocked: v.block.value != 0,
			methods: string(v.methods), otpKey: string(v.otpKey), usersParams: string(v.parameters),
		}
		row.account.groups, row.account.direct = parseGroups(string(v.groups))
		row.account.decide(s, v.reset, strings.Trim(string(v.activation), joomla.TrimmedSpace), string(v.rules))
	}
	return row, len(v.enabled) > 0, nil
}

// decide sets the refusal and superAdmin from the columns of an account.
func (a *account) decide(s *Site, reset integer, activation, rules string) {
	a.superAdmin = s.isSuperAdmin(*a, rules)
	switch {
	case a.blocked:
		a.refusal = errBlocked
	case activation != "" && activation != "0":
		a.refusal = errNotActivated
	case reset.value != 0:
		a.refusal = errMustReset
	}
}

// isSuperAdmin reports whether a is the root user, or a Super Admin by the
// rules of the root asset.
func (s *Site) isSuperAdmin(a account, rules string) bool {
	return s.isRootUser(a) || s.coreAdmin(rules).Allows(append([]int64{-a.id}, a.groups...))
}

// coreAdmin returns what rules say of core.admin.
func (s *Site) coreAdmin(rules string) joomla.Rule {
	return parseOnce(&s.rules, rules, joomla.ParseCoreAdmin)
}

// factorPolicy returns what the parameters of com_users say about second
// factors.
func (s *Site) factorPolicy(params string) joomla.FactorPolicy {
	return parseOnce(&s.policy, params, joomla.ParseFactorPolicy)
}

// A parsed is a text with its parsed value.
type parsed[T any] struct {
	text  string
	value T
}

// parseOnce returns parse(text), and calls parse again only when the text
// changes.
func parseOnce[T any](last *atomic.Pointer[parsed[T]], text string, parse func(string) T) T {
	if known := last.Load(); known != nil && known.text == text {
		return known.value
	}
	found := &parsed[T]{text, parse(text)}
	last.Store(found)
	return found.value
}

// parseGroups returns the absolute values of all ids in a list from the
// database, and of the negative ones.
func parseGroups(list string) (groups, direct []int64) {
	direct = []int64{}
	if list == "" {
		return []int64{1}, direct
	}
	groups = make([]int64, 0, 8)
	for text := range strings.SplitSeq(list, ",") {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			continue
		}
		if id < 0 {
			id = -id
			direct = append(direct, id)
		}
		groups = append(groups, id)
	}
	return ascending(groups), ascending(direct)
}

// ascending sorts ids and removes duplicates.
func ascending(ids []int64) []int64 {
	slices.Sort(ids)
	return slices.Compact(ids)
}
