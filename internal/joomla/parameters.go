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
// plugin user/token; those of a plugin that is disabled or missing are "". It
// reports false for parameters that are there, and are not JSON: Joomla answers
// 500, or reads an INI file, which no Joomla since 1.6 writes. As in Joomla's
// plugin api-authentication/token (getAllowedUserGroups):
//
//   - Without the parameter allowedUserGroups, it is group 8.
//   - null, an empty list or object, "", 0 and "0" mean all users.
//   - Else it is a list, an object, or one group by itself.
//
// Joomla lets more users in by what it does not write itself: all by false and
// 0.0, the members of group 1 by true, those of group 8 by 8.0. Here those
// values are nobody's group.
func AllowedUserGroups(params string) (groups []int64, all, ok bool) {
	read, ok := readParameters(params)
	if !ok {
		return nil, false, false
	}
	value, given := read["allowedUserGroups"]
	if !given {
		return []int64{superUsers}, false, true
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
		return nil, true, true
	}
	return groupIDs(value), false, true
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

// parameters returns what readParameters does, and nil where that cannot read
// them.
func parameters(params string) map[string]any {
	read, _ := readParameters(params)
	return read
}

// readParameters returns what Joomla\Registry\Registry reads from the
// parameters of an extension (its Format\Json::stringToObject), or nil where
// that is nothing, such as in an empty text. It reports false for text that is
// not JSON: the Registry throws an exception where it begins with a brace, and
// else reads it as an INI file.
func readParameters(params string) (read map[string]any, ok bool) {
	params = strings.Trim(params, TrimmedSpace)
	if params == "" {
		return nil, true
	}
	value, err := phpjson.Decode(params)
	if err != nil || noProperty(value) {
		return nil, false
	}
	read, _ = value.(map[string]any)
	return read, true
}

// noProperty reports whether a decoded value has a name that no property of an
// object of PHP can have, which json_decode refuses where it makes objects.
func noProperty(value any) bool {
	switch value := value.(type) {
	case []any:
		return slices.ContainsFunc(value, noProperty)
	case map[string]any:
		for name, member := range value {
			if strings.HasPrefix(name, "\x00") || noProperty(member) {
				return true
			}
		}
	}
	return false
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
