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

// An account is a user of a site, with all that decides what it may do. The
// zero account is that of a user who does not exist.
type account struct {
	id                    int64
	username, name, email string
	// blocked reports whether the account is blocked.
	blocked bool
	// refusal is why the account may not be used, nil if it may.
	refusal error
	// groups are those of the user and all their ancestors, as
	// Joomla\CMS\Access\Access::getGroupsByUser finds them: by nested set, 1
	// alone for a user who is in none, and 0 for one that does not exist. They
	// are in ascending order, each once.
	groups []int64
	// direct are those of groups that the user is in without an ancestor's help.
	direct []int64
	// superAdmin reports whether the user is one, whether or not the account may
	// be used.
	superAdmin bool
	// methods are those of the user's second factors other than backup codes,
	// with commas between them.
	methods string
	// otpKey is the user's factor of Joomla 3.2 to 4.1.
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

// user returns the User that a is.
func (a account) user(credential string) User {
	groups := a.groups
	if len(groups) > 0 && groups[0] == 0 { // Joomla's number of a group that does not exist.
		groups = groups[1:]
	}
	return User{
		ID: a.id, Username: a.username, Name: a.name, Email: a.email, Groups: groups, DirectGroups: a.direct,
		SuperAdmin: a.superAdmin, Blocked: a.blocked, Credential: credential,
	}
}

// isRootUser reports whether a is the root user of the configuration. A number
// is an id only: Joomla takes it for a username too, so that whoever registers
// under that name is root.
func (s *Site) isRootUser(a account) bool {
	if id, err := strconv.ParseInt(strings.Trim(s.config.RootUser, joomla.NumericSpace), 10, 64); err == nil {
		return a.id == id
	}
	return s.config.RootUser != "" && a.username == s.config.RootUser
}

// An accountQuery reads accounts of a site, and columns of the caller's. It has
// a text for each schema.
type accountQuery struct {
	texts   [schemas]string
	columns int
}

// accountQuery returns a query for the accounts u in the tables from: one row
// an account, so that nothing is sent twice.
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
	reset, otpKey, plugin := `u."requireReset"`, `u."otpKey"`, `NULL`
	methods := `(SELECT ` + list(`f."method"`) + ` FROM "#__user_mfa" AS f` +
		` WHERE f."user_id" = u."id" AND f."method" <> 'backupcodes')`
	// The root asset goes by its name, which is unique: broken trees have
	// left-over assets without a parent, which Joomla ignores.
	from += ` LEFT JOIN "#__assets" AS a ON a."name" = 'root.1'`
	if known&(withoutColumns|withoutLocked) != 0 {
		from += ` CROSS JOIN (SELECT 0 AS "requireReset", '' AS "otpKey", -1 AS "locked") AS missing`
	}
	if known&withoutColumns != 0 {
		// The name is that of the column where there is one, else that of the
		// table "missing".
		column := func(name string) string {
			return `(SELECT "` + name + `" FROM "#__users" AS r WHERE r."id" = u."id")`
		}
		reset, otpKey = column("requireReset"), column("otpKey")
	}
	// A query that names the column locked does not fail where there is one,
	// and so need not read it.
	locked, named := `NULL`, ` AND COALESCE(e."locked", 0) IS NOT NULL`
	switch {
	case known&unknownVersion != 0:
		named = ``
	case known&withoutLocked != 0:
		locked, named = lockedColumnIfAny, ``
	}
	if known&withoutFactors != 0 {
		// Until an enabled plugin shows that the site was upgraded.
		methods, otpKey, plugin = `NULL`, `NULL`, `(SELECT MIN(e."element")`+fromFactorPlugins+` AND e."enabled" = 1)`
	}
	return s.sql(`SELECT ` + strings.Join(append(columns[:len(columns):len(columns)],
		`u."id"`, `u."username"`, `u."name"`, `u."email"`, `u."block"`, `u."activation"`, reset,
		// One list, in which the groups of the user's own are below zero.
		`(SELECT `+list(`CASE WHEN p."id" = g."id" THEN -p."id" ELSE COALESCE(p."id", 0) END`)+
			` FROM "#__user_usergroup_map" AS m LEFT JOIN "#__usergroups" AS g ON g."id" = m."group_id"`+
			` LEFT JOIN "#__usergroups" AS p ON p."lft" <= g."lft" AND p."rgt" >= g."rgt"`+
			` WHERE m."user_id" = u."id")`,
		s.dialect.listLimit,
		`a."rules"`,
		methods, otpKey, plugin, locked,
		`(SELECT e."params" FROM "#__extensions" AS e WHERE e."type" = 'component' AND e."element" = 'com_users'`+named+` LIMIT 1)`), ", ") +
		` FROM ` + from + ` WHERE ` + where)
}

// An accountRow is a row that an accountQuery finds.
type accountRow struct {
	// columns are the caller's.
	columns []column
	// account is the zero account where there is no such user.
	account account
	// version is which Joomla the site is.
	version joomla.Version
}

// accounts returns the rows that q finds.
func (s *Site) accounts(ctx context.Context, q accountQuery, args ...any) ([]accountRow, error) {
	if schema(s.schema.Load())&unknownVersion != 0 {
		if _, err := s.version(ctx); err != nil { // It may be told by now.
			return nil, err
		}
	}
	for {
		known := schema(s.schema.Load())
		rows, outdated, err := s.scanAccounts(ctx, q, known, args)
		switch {
		case err != nil && !s.adapt(ctx, known):
			return nil, err
		case err != nil: // Asked for what is there.
		case outdated&withoutFactors == 0:
			s.schema.And(^uint32(outdated))
			return rows, nil
		default: // There are columns to read that were left out.
			s.schema.And(^uint32(outdated))
		}
	}
}

// scanAccounts runs q. It returns what of the known schema is outdated, as the
// site has been upgraded since.
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

// scanAccount returns the row of an accountQuery with so many columns of the
// caller's. It reports whether it saw an enabled plugin for second factors, for
// which withoutFactors looks.
func (s *Site) scanAccount(rows *result, columns int, known schema) (row accountRow, factors bool, err error) {
	var v struct { // One piece of memory, as all of it outlives the call of Scan.
		id, block, reset, limit, locked    integer
		username, name, email              column
		activation, groups, rules, methods column
		otpKey, enabled, parameters        column
		dest                               [22]any
	}
	row.columns = make([]column, columns)
	dest := v.dest[:0]
	for i := range row.columns {
		dest = append(dest, &row.columns[i])
	}
	dest = append(dest, &v.id, &v.username, &v.name, &v.email, &v.block, &v.activation, &v.reset, &v.groups, &v.limit, &v.rules,
		&v.methods, &v.otpKey, &v.enabled, &v.locked, &v.parameters)
	if err := rows.Scan(dest...); err != nil {
		return accountRow{}, false, err
	}
	row.version = known.version(v.locked)
	if v.id.value > 0 {
		if v.limit.valid && int64(max(len(v.groups), len(v.methods))) >= v.limit.value {
			return accountRow{}, false, errors.New("a user has more groups or second factors than group_concat_max_len of the database has room for")
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

// decide sets what follows from the columns of an account.
func (a *account) decide(s *Site, reset integer, activation, rules string) {
	a.superAdmin = s.isRootUser(*a) || s.coreAdmin(rules).Allows(append([]int64{-a.id}, a.groups...))
	switch {
	case a.blocked:
		a.refusal = errBlocked
	case activation != "" && activation != "0":
		a.refusal = errNotActivated
	case reset.value != 0:
		a.refusal = errMustReset
	}
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

// A parsed is what was made of a text.
type parsed[T any] struct {
	text  string
	value T
}

// parseOnce returns what parse makes of text, which it asks once as long as the
// text is the same.
func parseOnce[T any](last *atomic.Pointer[parsed[T]], text string, parse func(string) T) T {
	if known := last.Load(); known != nil && known.text == text {
		return known.value
	}
	found := &parsed[T]{text, parse(text)}
	last.Store(found)
	return found.value
}

// parseGroups returns the ids in a list of the database's, and those in it that
// are below zero, with their sign changed in both.
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

// ascending sorts ids and leaves out what is there twice.
func ascending(ids []int64) []int64 {
	slices.Sort(ids)
	return slices.Compact(ids)
}
