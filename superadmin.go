package capi

import (
	"context"
	"crypto/md5" // Joomla's hash of cookie names, where nothing rests on it.
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A SessionAuthorizer is the [Authorizer] of those who are logged in to the site itself: it accepts a request with the
// session cookie of a Super Admin, of the site's frontend or its administrator. If there are both, one Super Admin is
// enough. It is safe for concurrent use.
//
// It answers [ErrUnauthenticated] where no session belongs to the cookie, or one that has expired, is a guest's or whose
// user was deleted, and [ErrForbidden] where the user is no Super Admin, is blocked, is not activated, has to reset
// the password, or has yet to pass the second factor. Joomla itself lets such accounts go on with a session that they have; this is stricter.
//
// Sessions are looked up in the table #__session, which Joomla 4 and later leave empty if $session_metadata is off and
// session data is kept elsewhere. A request takes one query, a second one
// for a Super Admin, and none if it has no cookie that could be a session's.
//
// A cookie comes with requests that other pages make a browser send. That is harmless with a handler that only reads, as
// long as no [CORS] policy lets those pages see the answer.
type SessionAuthorizer struct {
	site *Site
	// factorQueries read what is known of the second factor of a user, factorlessQueries where no site has one.
	factorQueries, factorlessQueries []string
	// names are the names of the cookies that count.
	names []string
	// queries are those for one cookie, two cookies, and so on.
	queries []string
}

// NewSessionAuthorizer returns the SessionAuthorizer of site. It panics if site is nil.
func NewSessionAuthorizer(site *Site) *SessionAuthorizer {
	if site == nil {
		panic("capi: nil Site")
	}
	a := &SessionAuthorizer{site: site, names: site.cookieNames()}
	for i := range a.names {
		placeholders := len(a.appendArgs(nil, "")) * (i + 1)
		a.queries = append(a.queries, site.userQuery(
			`"#__session" AS s INNER JOIN "#__users" AS u ON u."id" = s."userid"`,
			`s."session_id" IN (`+strings.Repeat("?, ", placeholders-1)+`?)`,
			`s."session_id"`, `s."guest"`, `s."time"`))
		where := ` FROM "#__session" AS s WHERE s."userid" = ? AND s."session_id" IN (` +
			strings.Repeat("?, ", placeholders-1) + `?)`
		a.factorlessQueries = append(a.factorlessQueries,
			site.sql(`SELECT s."session_id", s."guest", s."time", s."data", 0, NULL`+where))
		a.factorQueries = append(a.factorQueries, site.sql(`SELECT s."session_id", s."guest", s."time", s."data",`+
			` (SELECT COUNT(*) FROM "#__user_mfa" AS f INNER JOIN "#__extensions" AS e ON e."element" = LOWER(f."method")`+
			` WHERE f."user_id" = s."userid" AND f."method" <> 'backupcodes'`+
			` AND e."type" = 'plugin' AND e."folder" = 'multifactorauth' AND e."enabled" = 1),`+
			` (SELECT "params" FROM "#__extensions" WHERE "type" = 'component' AND "element" = 'com_users'`+
			` ORDER BY "extension_id" LIMIT 1)`+where))
	}
	return a
}

// Authorize implements [Authorizer].
func (a *SessionAuthorizer) Authorize(r *http.Request) error {
	ids := sessionIDs(r.Header["Cookie"], a.names)
	if len(ids) == 0 {
		return ErrUnauthenticated
	}
	var args []any
	for _, id := range ids {
		args = a.appendArgs(args, id)
	}
	var (
		id          text
		guest, time integer
		oldest      = a.site.oldest()
	)
	keep := func() bool {
		known := 0
		for _, sent := range ids {
			// Where the column is text, the database compared it by a collation, which may ignore case and trailing spaces.
			known |= subtle.ConstantTimeCompare([]byte(sent), []byte(id))
		}
		return known == 1 && guest.valid && guest.value == 0 && time.valid && time.value >= oldest
	}
	users, rules, err := a.site.users(r.Context(), a.queries[len(ids)-1], args, keep, &id, &guest, &time)
	if err != nil {
		return fmt.Errorf("capi: looking up the session of a request: %w", err)
	}
	answer := ErrUnauthenticated
	for _, u := range users {
		err := a.site.authorize([]user{u}, rules)
		if err == nil {
			err = a.secondFactor(r.Context(), u, ids, oldest)
		}
		if err == nil {
			return nil
		}
		if answer == ErrUnauthenticated || answer == ErrForbidden {
			answer = err
		}
	}
	return answer
}

// appendArgs appends the arguments that stand for an id in a query. A string is compared with bytes as with text, but not
// in SQLite, where they are never equal.
func (a *SessionAuthorizer) appendArgs(args []any, id string) []any {
	if a.site.config.Database() == SQLite {
		args = append(args, []byte(id))
	}
	return append(args, id)
}

// cookieNames returns the names of the session cookies of s. The name that Joomla\CMS\Application\ApplicationHelper's
// getHash makes of the secret and what the application is called is hashed again by its session class. Where
// configuration.php has no $session_name, it is called by its name, or by that of its class, which is what Joomla 4 and
// later fall back on.
func (s *Site) cookieNames() []string {
	seeds := []string{
		"site", "administrator",
		`Joomla\CMS\Application\SiteApplication`, `Joomla\CMS\Application\AdministratorApplication`,
	}
	if s.config.SessionName != "" {
		seeds = []string{s.config.SessionName}
	}
	names := make([]string, len(seeds))
	for i, seed := range seeds {
		hash := md5.Sum([]byte(s.config.Secret.Reveal() + seed))
		hash = md5.Sum(hex.AppendEncode(nil, hash[:]))
		names[i] = hex.EncodeToString(hash[:])
	}
	return names
}

// sessionIDs returns the values of the cookies called names that could be the id of a session, each once. As in PHP, the
// first of several cookies of one name counts.
func sessionIDs(headers, names []string) []string {
	var ids []string
	seen := make([]bool, len(names))
	for _, header := range headers {
		for header != "" {
			var cookie string
			cookie, header, _ = strings.Cut(header, ";")
			name, value, _ := strings.Cut(strings.TrimLeft(cookie, " \t"), "=")
			i := slices.Index(names, name)
			if i < 0 || seen[i] {
				continue
			}
			seen[i] = true
			if id, ok := sessionID(value); ok && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// maxSessionID is the size of the column for them.
const maxSessionID = 192

// sessionID returns the id that a cookie holds, if PHP could have made it.
func sessionID(value string) (string, bool) {
	if len(value) > 3*maxSessionID {
		return "", false
	}
	// PHP escapes the comma, which ids of six bits a character may have.
	id, err := url.QueryUnescape(value)
	if err != nil || id == "" || len(id) > maxSessionID {
		return "", false
	}
	for _, c := range []byte(id) {
		if c != '-' && c != ',' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return "", false
		}
	}
	return id, true
}

// A user is an account of a site with the groups that decide what it may do.
type user struct {
	id       int64
	username string
	// active says that the account may be used: not blocked, activated, and not due for a password reset.
	active bool
	// groups are those of the user and all their ancestors, as Joomla\CMS\Access\Access::getGroupsByUser finds them: by
	// nested set, 1 alone for a user who is in none, and 0 for one that does not exist.
	groups []int64
}

// userQuery returns a query for the method users, which reads the users u of the tables from, and the rules of the site,
// in one round trip. In front of the columns that are the same in all such queries it has columns.
func (s *Site) userQuery(from, where string, columns ...string) string {
	// The root asset goes by its name: broken trees have left-over assets without a parent, which Joomla ignores.
	//
	// A union rather than a join, so that the rules, some KB, are not repeated in each row of a group. Nothing but NULL
	// stands opposite a column, since databases differ in which types they let meet, and MySQL in which collations.
	return s.sql(`SELECT ` + strings.Join(columns, ", ") + `,` +
		` u."id", u."username", u."block", u."activation", u."requireReset", m."group_id", p."id", NULL` +
		` FROM ` + from +
		` LEFT JOIN "#__user_usergroup_map" AS m ON m."user_id" = u."id"` +
		` LEFT JOIN "#__usergroups" AS g ON g."id" = m."group_id"` +
		` LEFT JOIN "#__usergroups" AS p ON p."lft" <= g."lft" AND p."rgt" >= g."rgt"` +
		` WHERE ` + where +
		` UNION ALL SELECT ` + strings.Repeat("NULL, ", len(columns)+7) +
		`(SELECT "rules" FROM "#__assets" WHERE "name" = 'root.1' ORDER BY "id" LIMIT 1)`)
}

// users runs a query that userQuery returned, and returns the users that it finds and the access rules of the root asset.
// The first columns are scanned to dest, whereupon keep says whether the row counts.
func (s *Site) users(ctx context.Context, query string, args []any, keep func() bool, dest ...any) (
	users []user, rules string, err error) {
	rows, err := s.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, "", err
	}
	defer rows.Close()
	var (
		id, block, requireReset, mapped, group integer
		username, activation, assetRules       text
	)
	dest = append(dest, &id, &username, &block, &activation, &requireReset, &mapped, &group, &assetRules)
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return nil, "", err
		}
		if !id.valid {
			rules = string(assetRules)
			continue
		}
		if id.value <= 0 || !keep() {
			continue
		}
		i := slices.IndexFunc(users, func(u user) bool { return u.id == id.value })
		if i < 0 {
			i = len(users)
			activation := strings.TrimSpace(string(activation))
			users = append(users, user{
				id:       id.value,
				username: string(username),
				active:   block.value == 0 && (activation == "" || activation == "0") && requireReset.value == 0,
			})
		}
		if !mapped.valid {
			group.value = 1
		}
		users[i].groups = append(users[i].groups, group.value)
	}
	return users, rules, rows.Err()
}

// authorize returns nil if one of users is a Super Admin, and why not if none is.
func (s *Site) authorize(users []user, rules string) error {
	if len(users) == 0 {
		return ErrUnauthenticated
	}
	var active []user
	for _, u := range users {
		if !u.active {
			continue
		}
		if s.isRootUser(u) {
			return nil
		}
		active = append(active, u)
	}
	for _, u := range active {
		admin, err := coreAdmin(rules, append([]int64{-u.id}, u.groups...))
		if err != nil {
			return err
		}
		if admin {
			return nil
		}
	}
	return ErrForbidden
}

// isRootUser says whether u is the root user of the configuration. A number is an id only. Joomla takes it for a username
// too, so that whoever registers under that name is root.
func (s *Site) isRootUser(u user) bool {
	if id, err := strconv.ParseInt(strings.TrimSpace(s.config.RootUser), 10, 64); err == nil {
		return u.id == id
	}
	return s.config.RootUser != "" && u.username == s.config.RootUser
}

// errRules says nothing of the rules, which are none of a log's business.
var errRules = errors.New("capi: malformed access rules in the root asset")

// coreAdmin says whether rules, those of the root asset, grant core.admin to who has identities: the negative id of a
// user and the ids of groups. As in Joomla\CMS\Access\Rule, one denial outweighs all grants, and none of either is no
// grant. Rules that Joomla would not have written are an error, where Joomla takes what it can of them.
func coreAdmin(rules string, identities []int64) (bool, error) {
	if isEmptyJSON(rules) {
		return false, nil
	}
	var actions map[string]json.RawMessage
	if !utf8.ValidString(rules) || json.Unmarshal([]byte(rules), &actions) != nil {
		return false, errRules
	}
	rule, ok := actions["core.admin"]
	if !ok || isEmptyJSON(string(rule)) {
		return false, nil
	}
	var allows map[string]any
	if json.Unmarshal(rule, &allows) != nil {
		return false, errRules
	}
	granted, denied := false, false
	for key, value := range allows {
		identity, err := strconv.ParseInt(key, 10, 64)
		if err != nil {
			return false, errRules
		}
		allow, err := phpBool(value)
		if err != nil {
			return false, err
		}
		if slices.Contains(identities, identity) {
			granted = granted || allow
			denied = denied || !allow
		}
	}
	return granted && !denied, nil
}

// isEmptyJSON says whether text is nothing, null, or the array that PHP writes where an object is empty.
func isEmptyJSON(text string) bool {
	text = strings.Trim(text, " \t\r\n")
	return text == "" || text == "null" || text[0] == '[' && strings.Trim(text[1:], " \t\r\n") == "]"
}

// phpBool converts a scalar from JSON as PHP does.
func phpBool(value any) (bool, error) {
	switch value := value.(type) {
	case nil:
		return false, nil
	case bool:
		return value, nil
	case float64:
		return value != 0, nil
	case string:
		return value != "" && value != "0", nil
	}
	return false, errRules
}
