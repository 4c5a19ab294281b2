package capi

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/capi-go/capi/internal/joomla"
)

// A loginAccount is the account of a user who is logged in by a session.
type loginAccount struct {
	account
	// pending reports whether the session waits for the second factor.
	pending bool
}

// errUpgraded is the error of a session that was read for another version of
// Joomla than the site has.
var errUpgraded = errors.New("site is being upgraded")

// userQuery returns a query for the accounts of n users. A LEFT JOIN from a
// constant gives the plugins for second factors even without a user.
func (s *Site) userQuery(n int) accountQuery {
	return s.accountQuery(
		`(SELECT 1) AS one LEFT JOIN "#__users" AS u ON u."id" IN (`+strings.Repeat("?, ", n-1)+`?)`, `1 = 1`,
		s.factorPluginList(`= 1`), s.factorPluginList(`<> 1`))
}

// accounts returns the account of each login: the one that came with the
// session if it is the user's, and the others by one query.
func (a *SessionAuthorizer) accounts(ctx context.Context, logins []sessionLogin) ([]loginAccount, error) {
	var ids []any
	for _, login := range logins {
		if id := any(login.UserID); login.refusal == nil && login.account.id != login.UserID && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	var (
		rows    []accountRow
		plugins *factorPlugins
		err     error
	)
	if len(ids) > 0 {
		if rows, err = a.site.accounts(ctx, a.users[len(ids)-1], ids...); err != nil {
			return nil, err
		}
	}
	for _, row := range rows {
		a.site.learn(row.version)
		plugins = &factorPlugins{string(row.columns[0]), string(row.columns[1])}
	}
	accounts := make([]loginAccount, len(logins))
	for i, login := range logins {
		if login.refusal != nil {
			continue
		}
		if slices.ContainsFunc(rows, func(row accountRow) bool { return row.version != login.version }) {
			return nil, errUpgraded
		}
		if accounts[i].account = login.account; login.account.id != login.UserID {
			accounts[i].account = accountOf(login.UserID, rows)
		}
		if accounts[i].pending, plugins, err = a.site.pending(ctx, login, accounts[i].account, plugins); err != nil {
			return nil, err
		}
	}
	return accounts, nil
}

// accountOf returns the account of a user in rows.
func accountOf(id int64, rows []accountRow) account {
	var found account
	for _, row := range rows {
		if row.account.id != id {
			continue
		}
		if found.id != 0 { // The table has lost its key.
			row.account.refusal = errDoubled
		}
		found = row.account
	}
	return found
}

// pending reports whether a login waits for the second factor of its account.
// It takes and returns the plugins for second factors, nil if they are not
// known: they matter if the session does not show that a factor was passed.
func (s *Site) pending(ctx context.Context, login sessionLogin, of account, plugins *factorPlugins) (
	bool, *factorPlugins, error) {
	factor := joomla.SecondFactor{
		Checked:        login.MFAChecked == joomla.One,
		MandatorySetup: login.MandatoryMFASetup == joomla.One || login.MandatoryMFASetup == joomla.Other,
		Policy:         s.factorPolicy(of.usersParams), Groups: of.groups,
	}
	if !factor.Checked && (of.methods != "" || of.otpKey != "") {
		if plugins == nil {
			var err error
			if plugins, err = s.readFactorPlugins(ctx); err != nil {
				return false, nil, err
			}
		}
		factor.Enrolled = joomla.Enrolled(of.methods, of.otpKey, plugins.enabled, plugins.disabled)
	}
	return factor.Pending(), plugins, nil
}

// refusal returns why the user of a is not let in, or nil.
func (a loginAccount) refusal() error {
	switch {
	case a.id == 0:
		return errNoUser
	case a.account.refusal != nil:
		return a.account.refusal
	case a.pending:
		return errSecondFactor
	}
	return nil
}
