package capi

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/capi-go/capi/internal/joomla"
)

// SecondFactorUsers returns those of ids whose users Joomla asks for a second
// factor after their password, in ascending order: users who have a factor that
// counts, or must have one, and are not exempt. Ids without a user are left
// out. A session of such a user waits for the factor until [State.MFAChecked]
// is set; any session waits while [State.MandatoryMFASetup] is set.
//
// It takes two queries and, if the site asks anybody, one more for every 128
// users. It is safe for concurrent use.
func (s *Site) SecondFactorUsers(ctx context.Context, ids []int64) ([]int64, error) {
	if ids = userIDs(ids); len(ids) == 0 {
		return nil, nil
	}
	asked, err := s.secondFactorUsers(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("capi: looking up second factors: %w", err)
	}
	return asked, nil
}

// secondFactorUsers returns those of ids, without duplicates, who are asked.
func (s *Site) secondFactorUsers(ctx context.Context, ids []int64) (asked []int64, err error) {
	plugins, err := s.readFactorPlugins(ctx)
	if err != nil {
		return nil, err
	}
	params, err := s.column(ctx, s.sql(`SELECT "params" FROM "#__extensions" WHERE "type" = 'component' AND "element" = 'com_users'`))
	if err != nil {
		return nil, err
	}
	if plugins.enabled == "" && (len(params) == 0 || !joomla.ParseFactorPolicy(string(params[0])).Forces()) {
		return nil, nil
	}
	query := s.accountQuery(`"#__users" AS u`, `u."id" IN `+usersList())
	for args := range argsOfUsers(ids) {
		rows, err := s.accounts(ctx, query, args...)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			factor := joomla.SecondFactor{
				Enrolled: joomla.Enrolled(row.account.methods, row.account.otpKey, plugins.enabled, plugins.disabled),
				Policy:   s.factorPolicy(row.account.usersParams), Groups: row.account.groups,
			}
			if factor.Pending() {
				asked = append(asked, row.account.id)
			}
		}
	}
	slices.Sort(asked)
	return slices.Compact(asked), nil
}

// A factorPlugins lists the plugins for second factors by name, separated by
// commas.
type factorPlugins struct{ enabled, disabled string }

// fromFactorPlugins is the FROM clause for them.
const fromFactorPlugins = ` FROM "#__extensions" AS e WHERE e."type" = 'plugin' AND e."folder" = 'multifactorauth'`

// readFactorPlugins returns the plugins for second factors.
func (s *Site) readFactorPlugins(ctx context.Context) (*factorPlugins, error) {
	query := s.sql(`SELECT ` + s.factorPluginList(`= 1`) + `, ` + s.factorPluginList(`<> 1`))
	found, err := collect(ctx, s, query, nil, func(rows *result) (*factorPlugins, error) {
		var enabled, disabled column
		err := rows.Scan(&enabled, &disabled)
		return &factorPlugins{string(enabled), string(disabled)}, err
	})
	if err != nil {
		return nil, err
	}
	return found[0], nil // A SELECT without FROM has one row.
}

// factorPluginList returns the expression for the names of the plugins for
// second factors whose column enabled meets the condition.
func (s *Site) factorPluginList(enabled string) string {
	return `(SELECT ` + strings.Replace(s.dialect.list, "%", `e."element"`, 1) + fromFactorPlugins + ` AND e."enabled" ` + enabled + `)`
}
