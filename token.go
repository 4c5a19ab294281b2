package capi

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// A TokenAuthorizer is the [Authorizer] of programs: it accepts a request with a token of a Super Admin. It takes
// Joomla's API tokens, in the headers Authorization (Bearer) and X-Joomla-Token, and the tokens of the cAPI extension,
// in the header token. If a request has both kinds and its API token is not accepted, the other one counts. It is safe
// for concurrent use.
//
// An API token, of Joomla 4 and later, is accepted as Joomla's plugin api-authentication/token accepts it: that plugin
// must be enabled, as must be the token in the user's profile; the user must be in one of the groups that the plugin
// user/token allows, and the account must be in order. Else the answer is [ErrUnauthenticated]. Unlike in Joomla, it must
// be written exactly as Joomla shows it to its user, but for the padding at its end.
//
// A cAPI token is accepted if it is published in the extension's table. The answer is [ErrUnauthenticated] if it is not
// there, the extension is not installed or the user was deleted, and [ErrForbidden] if the user's account is not in order.
//
// For both, the answer is [ErrForbidden] if the user is no Super Admin. A request takes one query for an API token, one
// for a cAPI token, and one more to tell a missing table from a failing database; none without a well-formed token.
type TokenAuthorizer struct {
	// DisableAPITokens refuses Joomla API tokens. It must not be changed during use.
	DisableAPITokens bool
	// DisableCAPITokens refuses tokens of the cAPI extension. It must not be changed during use.
	DisableCAPITokens bool

	site                            *Site
	apiQuery, capiQuery, tableQuery string
}

// NewTokenAuthorizer returns the TokenAuthorizer of site. It panics if site is nil.
func NewTokenAuthorizer(site *Site) *TokenAuthorizer {
	if site == nil {
		panic("capi: nil Site")
	}
	const (
		profile = `(SELECT "profile_value" FROM "#__user_profiles" WHERE "user_id" = u."id"` +
			` AND "profile_key" = 'joomlatoken.%s' LIMIT 1)`
		plugin = `(SELECT "%s" FROM "#__extensions" WHERE "type" = 'plugin' AND "folder" = '%s' AND "element" = 'token'` +
			` ORDER BY "extension_id" LIMIT 1)`
	)
	a := &TokenAuthorizer{
		site: site,
		apiQuery: site.userQuery(`"#__users" AS u`, `u."id" = ?`,
			fmt.Sprintf(profile, "token"),
			fmt.Sprintf(profile, "enabled"),
			fmt.Sprintf(plugin, "enabled", "api-authentication"),
			fmt.Sprintf(plugin, "enabled", "user"),
			fmt.Sprintf(plugin, "params", "user")),
		capiQuery: site.userQuery(
			`"#__services_tokens" AS t INNER JOIN "#__users" AS u ON u."id" = t."userid"`, `t."token" = ?`,
			`t."token"`, `t."state"`),
	}
	switch site.config.Database() {
	case MySQL:
		a.tableQuery = `SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?`
	case PostgreSQL:
		a.tableQuery = `SELECT COUNT(*) FROM information_schema.tables` +
			` WHERE table_schema = ANY (current_schemas(false)) AND table_name = $1`
	case SQLite:
		a.tableQuery = `SELECT COUNT(*) FROM sqlite_master WHERE type IN ('table', 'view') AND name = ?`
	}
	return a
}

// Authorize implements [Authorizer].
func (a *TokenAuthorizer) Authorize(r *http.Request) error {
	if !a.DisableAPITokens && a.site.config.Secret.Reveal() != "" {
		if token, ok := parseAPIToken(apiTokenText(r.Header)); ok {
			if err := a.authorizeAPI(r.Context(), token); !errors.Is(err, ErrUnauthenticated) {
				return err
			}
		}
	}
	if !a.DisableCAPITokens {
		if token := r.Header.Get("token"); isCAPIToken(token) {
			return a.authorizeCAPI(r.Context(), token)
		}
	}
	return ErrUnauthenticated
}

// An apiToken is what a Joomla API token says.
type apiToken struct {
	hash   func() hash.Hash
	userID int64
	mac    []byte // in hexadecimal
}

// apiTokenText returns the API token that comes with a request, or what stands in its place.
func apiTokenText(header http.Header) string {
	if rest, ok := strings.CutPrefix(header.Get("Authorization"), "Bearer "); ok {
		if text := strings.Trim(rest, " \t"); text != "" {
			return text
		}
	}
	return header.Get("X-Joomla-Token")
}

// maxAPIToken is more than the size of the longest API token in base64.
const maxAPIToken = 256

// parseAPIToken reads a token of Joomla: algorithm:userid:hmac, in base64.
func parseAPIToken(text string) (apiToken, bool) {
	if text == "" || len(text) > maxAPIToken {
		return apiToken{}, false
	}
	decoded, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		return apiToken{}, false
	}
	parts := strings.Split(string(decoded), ":")
	if len(parts) != 3 {
		return apiToken{}, false
	}
	var token apiToken
	switch parts[0] {
	case "sha256":
		token.hash = sha256.New
	case "sha512":
		token.hash = sha512.New
	default:
		return apiToken{}, false
	}
	// The id is an int in all of Joomla's databases, some of which refuse to compare it with more than that.
	token.userID, err = strconv.ParseInt(parts[1], 10, 32)
	if err != nil || token.userID <= 0 || strconv.FormatInt(token.userID, 10) != parts[1] {
		return apiToken{}, false
	}
	token.mac = []byte(parts[2])
	if len(token.mac) != hex.EncodedLen(token.hash().Size()) || strings.Trim(parts[2], "0123456789abcdef") != "" {
		return apiToken{}, false
	}
	return token, true
}

// verify says whether token was made with secret of seed, the base64 in the user's profile.
func (t apiToken) verify(secret, seed string) bool {
	decoded, err := base64.StdEncoding.DecodeString(seed)
	if err != nil || len(decoded) == 0 || secret == "" {
		return false
	}
	mac := hmac.New(t.hash, []byte(secret))
	mac.Write(decoded)
	return hmac.Equal(hex.AppendEncode(nil, mac.Sum(nil)), t.mac)
}

// authorizeAPI decides on an API token.
func (a *TokenAuthorizer) authorizeAPI(ctx context.Context, token apiToken) error {
	var (
		seed, enabled, params text
		plugin, groupsPlugin  integer
		groupsParams          string
	)
	keep := func() bool {
		if groupsPlugin.value == 1 {
			groupsParams = string(params)
		}
		good := token.verify(a.site.config.Secret.Reveal(), string(seed))
		return good && enabled == "1" && plugin.value == 1
	}
	users, rules, err := a.site.users(ctx, a.apiQuery, []any{token.userID}, keep,
		&seed, &enabled, &plugin, &groupsPlugin, &params)
	if err != nil {
		return fmt.Errorf("capi: looking up the user of an API token: %w", err)
	}
	if len(users) != 1 || !users[0].active {
		return ErrUnauthenticated
	}
	allowed, err := allowedUserGroups(groupsParams)
	if err != nil {
		return err
	}
	member := len(allowed) == 0
	for _, group := range users[0].groups {
		member = member || slices.Contains(allowed, strconv.FormatInt(group, 10))
	}
	if !member {
		return ErrUnauthenticated
	}
	return a.site.authorize(users, rules)
}

// defaultTokenGroup is Joomla's group Super Users, the only one whose members may use tokens unless a site says else.
const defaultTokenGroup = "8"

// errParams says nothing of the parameters, which are none of a log's business.
var errParams = errors.New("capi: malformed parameters of the plugin user/token")

// allowedUserGroups returns the ids of the groups whose members may use API tokens, by the parameters of the plugin
// user/token, or none if they all may. No parameters are those of a plugin that is disabled or missing, too. As in
// Joomla, one group may stand without an array, and what PHP holds for empty means all.
func allowedUserGroups(params string) ([]string, error) {
	if isEmptyJSON(params) {
		return []string{defaultTokenGroup}, nil
	}
	var object map[string]json.RawMessage
	if json.Unmarshal([]byte(params), &object) != nil {
		return nil, errParams
	}
	value, ok := object["allowedUserGroups"]
	if !ok {
		return []string{defaultTokenGroup}, nil
	}
	if isEmptyJSON(string(value)) {
		return nil, nil
	}
	var list []json.RawMessage
	switch value[0] {
	case '[':
		if json.Unmarshal(value, &list) != nil {
			return nil, errParams
		}
	case '{': // What PHP makes of an array with gaps.
		var elements map[string]json.RawMessage
		if json.Unmarshal(value, &elements) != nil {
			return nil, errParams
		}
		for _, element := range elements {
			list = append(list, element)
		}
	default:
		group, err := groupID(value)
		if err != nil || group == "" || group == "0" {
			return nil, err
		}
		return []string{group}, nil
	}
	groups := make([]string, len(list))
	for i, element := range list {
		group, err := groupID(element)
		if err != nil {
			return nil, err
		}
		groups[i] = group
	}
	return groups, nil
}

// groupID returns a number or a string of JSON as text.
func groupID(value json.RawMessage) (string, error) {
	var number json.Number
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text, nil
	}
	if json.Unmarshal(value, &number) != nil {
		return "", errParams
	}
	return number.String(), nil
}

// isCAPIToken says whether text could be a token of the cAPI extension, in its column of 255 characters. Other than ASCII
// is not taken to the database, where some column types fail to compare with it.
func isCAPIToken(text string) bool {
	for _, c := range []byte(text) {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return text != "" && len(text) <= 255
}

// authorizeCAPI decides on a token of the cAPI extension.
func (a *TokenAuthorizer) authorizeCAPI(ctx context.Context, sent string) error {
	var token text
	var state integer
	keep := func() bool {
		// The database compared it by a collation, which may ignore case and trailing spaces.
		return subtle.ConstantTimeCompare([]byte(sent), []byte(token)) == 1 && state.value == 1
	}
	users, rules, err := a.site.users(ctx, a.capiQuery, []any{sent}, keep, &token, &state)
	if err != nil {
		if a.isMissing(ctx, "services_tokens") {
			return ErrUnauthenticated
		}
		return fmt.Errorf("capi: looking up a cAPI token: %w", err)
	}
	return a.site.authorize(users, rules)
}

// isMissing says whether the site is known to have no table of that name, which drivers report each in their own way.
func (a *TokenAuthorizer) isMissing(ctx context.Context, table string) bool {
	var count integer
	err := a.site.db.QueryRowContext(ctx, a.tableQuery, a.site.config.DBPrefix+table).Scan(&count)
	return err == nil && count.valid && count.value == 0
}
