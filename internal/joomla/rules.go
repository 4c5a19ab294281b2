package joomla

import (
	"slices"
	"strconv"

	"github.com/capi-go/capi/internal/phpjson"
)

// A Rule is what access rules say about one action, as [ParseCoreAdmin] reads
// them. The zero Rule grants nothing. A Rule is immutable.
type Rule struct{ elements []ruleElement }

type ruleElement struct {
	identity int64
	// allow reports whether the element does not deny, and grant whether its
	// key has the form in which PHP writes integers, so that it can grant.
	allow, grant bool
}

// ParseCoreAdmin returns what the access rules of the root asset say about
// core.admin to identities: the negative id of a user, and the ids of groups.
// It reads them as Joomla\CMS\Access\Rules and Rule do, and never grants more.
//
//   - Text that json_decode rejects grants nothing, nor does anything but an
//     object.
//   - An action is an object, or a list with its indexes as keys. Joomla also
//     accepts a string of JSON; here that grants nothing.
//   - One denial among the identities outweighs all grants. Without a grant,
//     the answer is no.
//   - A value grants if it is true to PHP, and denies otherwise.
//   - A key denies to the identity that PHP's (int) makes of it. It grants only
//     if it has the form in which PHP writes integers: " 8" and "8x" grant
//     nothing, while Joomla takes them for 8.
func ParseCoreAdmin(rules string) Rule {
	value, err := phpjson.Decode(rules)
	if err != nil {
		return Rule{}
	}
	actions, _ := value.(map[string]any)
	var rule Rule
	for key, allow := range elements(actions["core.admin"]) {
		identity := CastInteger(key)
		rule.elements = append(rule.elements,
			ruleElement{identity, castBool(allow), key == strconv.FormatInt(identity, 10)})
	}
	return rule
}

// Allows reports whether r grants to identities, and denies to none of them.
func (r Rule) Allows(identities []int64) bool {
	granted := false
	for _, e := range r.elements {
		if !slices.Contains(identities, e.identity) {
			continue
		}
		if !e.allow {
			return false
		}
		granted = granted || e.grant
	}
	return granted
}

// A ViewLevel is a row of the table #__viewlevels.
type ViewLevel struct {
	ID int64
	// Rules is JSON: a list of the ids of groups.
	Rules string
}

// VisitorLevels returns the ids of the view levels of a visitor who is not
// logged in, without duplicates, as
// Joomla\CMS\Access\Access::getAuthorisedViewLevels(0) does: always 1, and
// those of rows whose rules contain one of guestGroups, the visitor's group
// ([GuestUserGroup]) and its ancestors. If there are none, because that group
// does not exist, group 1 counts. Rules that json_decode rejects contain none.
// A group must be a number or a string in the form in which PHP writes
// integers, while Joomla compares by PHP's ==.
func VisitorLevels(rows []ViewLevel, guestGroups []int64) []int64 {
	if len(guestGroups) == 0 {
		guestGroups = []int64{1}
	}
	levels := []int64{1}
	for _, row := range rows {
		rules, err := phpjson.Decode(row.Rules)
		if err == nil && !slices.Contains(levels, row.ID) && meet(groupIDs(rules), guestGroups) {
			levels = append(levels, row.ID)
		}
	}
	return levels
}

// elements returns the elements of a decoded PHP array by key, or none for
// anything else.
func elements(value any) map[string]any {
	switch value := value.(type) {
	case map[string]any:
		return value
	case []any:
		m := make(map[string]any, len(value))
		for i, element := range value {
			m[strconv.Itoa(i)] = element
		}
		return m
	default:
		return nil
	}
}

// castBool returns what PHP's (bool) makes of a decoded value.
func castBool(value any) bool {
	switch value := value.(type) {
	case []any:
		return len(value) > 0
	case map[string]any:
		return len(value) > 0
	default:
		return value != nil && value != false && value != int64(0) && value != 0.0 && value != "" && value != "0"
	}
}
