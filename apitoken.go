package capi

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/capi-go/capi/internal/joomla"
)

// An APITokenAuthorizer is an [Authenticator] for programs that send a Joomla
// API token, in the header Authorization (Bearer) or X-Joomla-Token. It is safe
// for concurrent use. Make one with [NewAPITokenAuthorizer]; the zero value
// returns errors.
//
// It accepts a token of Joomla 4 or later as Joomla's plugin
// api-authentication/token does:
//
//   - The plugin must be installed and enabled, and visitors must have its
//     access level.
//   - The token must be enabled in the user's profile.
//   - The user must be in one of the groups that the plugin user/token allows:
//     by default, Super Users only.
//   - The account must be in order.
//
// Otherwise it refuses the request with [ErrUnauthenticated], as Joomla does,
// even where it refuses a session of that user with [ErrForbidden]. Authorize
// refuses a user who is not a Super Admin with ErrForbidden. Unlike in Joomla,
// the token must be written exactly as Joomla shows it to its user, except for
// the padding at its end. As in Joomla, no second factor is required.
//
// A request takes one query, two more if the plugin's access level is not
// Public, and none without a well-formed token.
type APITokenAuthorizer struct {
	site           *Site
	query          accountQuery
	levels, groups string
}

var (
	errNoAPIToken       = &refusal{ErrUnauthenticated, "no well-formed API token"}
	errAPIToken         = &refusal{ErrUnauthenticated, "API token is not valid"}
	errAPITokenDisabled = &refusal{ErrUnauthenticated, "API token is disabled by its user"}
	errAPITokenPlugin   = &refusal{ErrUnauthenticated, "API tokens are disabled by the site"}
	errAPITokenParams   = &refusal{ErrUnauthenticated, "parameters of the plugin user/token cannot be read"}
	errAPITokenGroup    = &refusal{ErrUnauthenticated, "user is in no group that may use API tokens"}
	errAPITokenAccount  = &refusal{ErrUnauthenticated, "account of the API token is not in order"}
)

// NewAPITokenAuthorizer returns the APITokenAuthorizer of site. It panics if
// site is nil or the zero Site.
func NewAPITokenAuthorizer(site *Site) *APITokenAuthorizer {
	mustSite(site)
	const (
		profile = `(SELECT "profile_value" FROM "#__user_profiles" WHERE "user_id" = u."id"` +
			` AND "profile_key" = 'joomlatoken.%s' LIMIT 1)`
		plugin = `(SELECT "%s" FROM "#__extensions" WHERE "type" = 'plugin' AND "folder" = '%s' AND "element" = 'token'` +
			` ORDER BY "extension_id" LIMIT 1)`
	)
	return &APITokenAuthorizer{
		site: site,
		query: site.accountQuery(`"#__users" AS u`, `u."id" = ?`,
			fmt.Sprintf(profile, "token"),
			fmt.Sprintf(profile, "enabled"),
			fmt.Sprintf(plugin, "enabled", "api-authentication"),
			fmt.Sprintf(plugin, "state", "api-authentication"),
			fmt.Sprintf(plugin, "access", "api-authentication"),
			fmt.Sprintf(plugin, "enabled", "user"),
			fmt.Sprintf(plugin, "params", "user")),
		levels: site.sql(`SELECT "rules" FROM "#__viewlevels" WHERE "id" = ?`),
		groups: site.sql(`SELECT p."id" FROM "#__usergroups" AS g` +
			` INNER JOIN "#__usergroups" AS p ON p."lft" <= g."lft" AND p."rgt" >= g."rgt" WHERE g."id" = ?`),
	}
}

// Authorize implements [Authorizer].
func (a *APITokenAuthorizer) Authorize(r *http.Request) error {
	user, err := a.User(r)
	return admit(r.Context(), user, err)
}

// User returns the user whose API token comes with r, Super Admin or not. It
// returns the errors of Authorize, except that it does not require core.admin.
func (a *APITokenAuthorizer) User(r *http.Request) (User, error) {
	if a.site == nil {
		return User{}, errNoSite
	}
	token, ok := joomla.ParseAPIToken(apiTokenText(r.Header))
	if !ok {
		return User{}, errNoAPIToken
	}
	rows, err := a.site.accounts(r.Context(), a.query, token.UserID)
	if err != nil {
		return User{}, fmt.Errorf("capi: looking up the user of an API token: %w", err)
	}
	if len(rows) != 1 || !token.Verify(a.site.config.Secret.Reveal(), string(rows[0].columns[0])) {
		return User{}, errAPIToken
	}
	columns, user := rows[0].columns, rows[0].account
	enabled, state, access := columns[2].integer(), columns[3].integer(), columns[4].integer()
	switch {
	case string(columns[1]) != "1":
		return User{}, errAPITokenDisabled
	// As Joomla\CMS\Plugin\PluginHelper::load has it.
	case enabled.value != 1 || !state.valid || state.value != 0 && state.value != 1:
		return User{}, errAPITokenPlugin
	case user.refusal != nil:
		return User{}, errAPITokenAccount
	}
	if access.value != 1 {
		visible, err := a.visible(r.Context(), access.value, user.usersParams)
		if err != nil {
			return User{}, fmt.Errorf("capi: looking up the access level of a plugin: %w", err)
		}
		if !visible {
			return User{}, errAPITokenPlugin
		}
	}
	// Joomla also reads the parameters of a disabled plugin, but ignores them.
	allowed, all, ok := joomla.AllowedUserGroups(string(columns[6]))
	if !ok {
		return User{}, errAPITokenParams
	}
	if columns[5].integer().value != 1 {
		allowed, all, _ = joomla.AllowedUserGroups("")
	}
	if !all && !slices.ContainsFunc(user.groups, func(id int64) bool { return slices.Contains(allowed, id) }) {
		return User{}, errAPITokenGroup
	}
	return user.user("API token"), nil
}

// visible reports whether a visitor has an access level.
func (a *APITokenAuthorizer) visible(ctx context.Context, level int64, usersParams string) (bool, error) {
	rules, err := a.site.column(ctx, a.levels, level)
	if err != nil {
		return false, err
	}
	groups, err := a.site.column(ctx, a.groups, joomla.GuestUserGroup(usersParams))
	if err != nil {
		return false, err
	}
	ids := make([]int64, len(groups))
	for i, group := range groups {
		ids[i] = group.integer().value
	}
	levels := make([]joomla.ViewLevel, len(rules))
	for i, text := range rules {
		levels[i] = joomla.ViewLevel{ID: level, Rules: string(text)}
	}
	return slices.Contains(joomla.VisitorLevels(levels, ids), level), nil
}

// apiTokenText returns the API token of a request, well-formed or not.
func apiTokenText(header http.Header) string {
	if rest, ok := strings.CutPrefix(header.Get("Authorization"), "Bearer "); ok {
		if text := strings.Trim(rest, " \t"); text != "" {
			return text
		}
	}
	return header.Get("X-Joomla-Token")
}
