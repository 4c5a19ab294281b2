package joomla

import (
	"slices"
	"strconv"
	"strings"

	"github.com/capi-go/capi/internal/phpjson"
)

// superUsers is the group that Joomla is installed with whose members are Super
// Users. Only they may use API tokens unless a site says else.
const superUsers = 8

// AllowedUserGroups returns the ids of the groups whose members may use API
// tokens, or that all users may. They go by params, the parameters of the
// plugin user/token; those of a plugin that is disabled or missing are "". As
// in Joomla's plugin api-authentication/token (getAllowedUserGroups):
//
//   - Without the parameter allowedUserGroups, and in parameters that
//     Joomla\Registry\Registry cannot read as JSON, it is group 8.
//   - null, an empty list or object, "", 0 and "0" mean all users.
//   - Else it is a list, an object, or one group by itself.
//
// Joomla lets more users in by what it does not write itself: all by false and
// 0.0, the members of group 1 by true, those of group 8 by 8.0. Here those
// values are nobody's group.
func AllowedUserGroups(params string) (groups []int64, all bool) {
	value, ok := parameters(params)["allowedUserGroups"]
	if !ok {
		return []int64{superUsers}, false
	}
	switch v := value.(type) {
	case []any:
		all = len(v) == 0
	case map[string]any:
		all = len(v) == 0
	default:
		all = v == nil || v == int64(0) || v == "" || v == "0"
	}
	if all {
		return nil, true
	}
	return groupIDs(value), false
}

// GuestUserGroup returns the id of the group of visitors who are not logged in
// by params, the parameters of the component com_users, as
// Joomla\CMS\Access\Access::getGroupsByUser does: guest_usergroup, or 1 where
// that is neither a number nor a string, or is empty, or the parameters cannot
// be read. There may be no such group.
func GuestUserGroup(params string) int64 {
	switch group := parameters(params)["guest_usergroup"].(type) {
	case int64:
		return group
	case string:
		if group != "" {
			return CastInteger(group)
		}
	}
	return 1
}

// parameters returns what Joomla\Registry\Registry reads from the parameters of
// an extension, or nil where that is nothing. Text that is not JSON it reads as
// an INI file, which no Joomla since 1.6 writes: here that is nothing.
func parameters(params string) map[string]any {
	value, err := phpjson.Decode(strings.Trim(params, " \t\n\r\x00\v"))
	if err != nil {
		return nil
	}
	object, _ := value.(map[string]any)
	return object
}

// groupIDs returns the ids of groups in a decoded list or object, or in one by
// itself. What is neither an integer nor a string that PHP would write for one
// is no group's.
func groupIDs(value any) []int64 {
	var ids []int64
	add := func(value any) {
		switch value := value.(type) {
		case int64:
			ids = append(ids, value)
		case string:
			if id, err := strconv.ParseInt(value, 10, 64); err == nil && strconv.FormatInt(id, 10) == value {
				ids = append(ids, id)
			}
		}
	}
	switch value := value.(type) {
	case []any:
		for _, element := range value {
			add(element)
		}
	case map[string]any:
		for _, element := range value {
			add(element)
		}
		slices.Sort(ids)
	default:
		add(value)
	}
	return ids
}

// meet reports whether a and b have an id in common.
func meet(a, b []int64) bool {
	return slices.ContainsFunc(a, func(id int64) bool { return slices.Contains(b, id) })
}
