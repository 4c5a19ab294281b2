package capi

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"strconv"
)

// secondFactor returns nil if one of the sessions of u, which have ids, has nothing left to prove, and [ErrForbidden] if
// all of them have. Joomla's trait MultiFactorAuthenticationHandler keeps a user from every page until then.
func (a *SessionAuthorizer) secondFactor(ctx context.Context, u user, ids []string, oldest int64) error {
	args := []any{u.id}
	for _, id := range ids {
		args = a.appendArgs(args, id)
	}
	query := a.factorQueries[len(ids)-1]
	rows, err := a.site.db.QueryContext(ctx, query, args...)
	if err != nil && a.site.isMissing(ctx, "user_mfa") { // before Joomla 4.2
		rows, err = a.site.db.QueryContext(ctx, a.factorlessQueries[len(ids)-1], args...)
	}
	if err != nil {
		return fmt.Errorf("capi: looking up the second factor of a user: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var (
			id, params           text
			guest, time, factors integer
			data                 payloadColumn
		)
		if err := rows.Scan(&id, &guest, &time, &data, &factors, &params); err != nil {
			return fmt.Errorf("capi: looking up the second factor of a user: %w", err)
		}
		known := 0
		for _, sent := range ids {
			known |= subtle.ConstantTimeCompare([]byte(sent), []byte(id))
		}
		if known == 1 && guest.value == 0 && time.value >= oldest &&
			!secondFactorPending(data.payload, factors.value > 0, string(params), u.groups) {
			return nil
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("capi: looking up the second factor of a user: %w", err)
	}
	return ErrForbidden
}

// secondFactorPending reports whether a session with that data still waits for the second factor of its user, who has
// one or not, and is in groups. The parameters are those of the component com_users. Where it cannot be known, because the
// data cannot be read, it is pending if the user has a factor.
func secondFactorPending(data Payload, factor bool, params string, groups []int64) bool {
	never, force := mfaGroups(params, "neverMFAUserGroups", groups), mfaGroups(params, "forceMFAUserGroups", groups)
	pending := force || factor && !never
	variables, err := data.Decode()
	if err != nil {
		return pending
	}
	space := variables
	if m, ok := space[registryVariable].(map[string]any); ok {
		space = m
	}
	users, _ := space["com_users"].(map[string]any)
	if setup, ok := users["mandatory_mfa_setup"]; ok && intValue(setup) == 1 {
		return true
	}
	if checked, ok := users["mfa_checked"]; ok && intValue(checked) == 1 {
		return false
	}
	return pending
}

// mfaGroups reports whether one of groups is in the parameter of that name. Parameters that cannot be read force a
// factor upon everybody, and exempt nobody.
func mfaGroups(params, name string, groups []int64) bool {
	if isEmptyJSON(params) {
		return false
	}
	var object map[string]json.RawMessage
	if json.Unmarshal([]byte(params), &object) != nil {
		return name == "forceMFAUserGroups"
	}
	var elements []json.RawMessage
	if value := object[name]; json.Unmarshal(value, &elements) != nil {
		elements = []json.RawMessage{value}
	}
	for _, element := range elements {
		id, err := groupID(element)
		if err != nil {
			continue
		}
		for _, group := range groups {
			if id == strconv.FormatInt(group, 10) {
				return true
			}
		}
	}
	return false
}
