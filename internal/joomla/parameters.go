package joomla

import (
	"slices"
	"strconv"
	"strings"

	"github.com/capi-go/capi/internal/phpjson"
)

// superUsers is the group of Super Users that Joomla is installed with. By
// default, only its members may use API tokens.
const superUsers = 8

// AllowedUserGroups returns the ids of the groups whose members may use API
// tokens, or that all users may. Its params are the parameters of the plugin
// user/token, or "" if that is disabled or missing. It reports false for other
// text than JSON: Joomla answers 500, or reads an INI file, which no Joomla
// since 1.6 writes. As in Joomla's plugin api-authentication/token
// (getAllowedUserGroups):
//
//   - Without the parameter allowedUserGroups, only group 8 is allowed.
//   - null, an empty list or object, "", 0 and "0" mean all users.
//   - Otherwise it is a list, an object, or a single group.
//
// Joomla lets in more users for values that it does not write itself: everybody
// for false and 0.0, group 1 for true, and group 8 for 8.0. Here those values
// allow nobody.
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

// GuestUserGroup returns the id of the group of visitors who are not logged in,
// given the parameters of the component com_users, as
// Joomla\CMS\Access\Access::getGroupsByUser does: guest_usergroup, or 1 if that
// is empty, is neither a number nor a string, or the parameters cannot be read.
// The group may not exist.
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

// parameters is readParameters, but returns nil for text that is not JSON.
func parameters(params string) map[string]any {
	read, _ := readParameters(params)
	return read
}

// readParameters returns what Joomla\Registry\Registry reads from the
// parameters of an extension (its Format\Json::stringToObject), or nil if that
// is nothing, as for an empty text. It reports false for text that is not JSON:
// the Registry throws an exception if it begins with a brace, and reads it as
// an INI file otherwise.
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

// noProperty reports whether a decoded value has a name that no property of a
// PHP object can have, which json_decode rejects when it makes objects.
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

// groupIDs returns the ids of groups in a decoded list, object or single value.
// It skips what is neither an integer nor a string that PHP would write for
// one.
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
