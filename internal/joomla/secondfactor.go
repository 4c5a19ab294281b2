package joomla

import (
	"slices"
	"strings"
)

// A SecondFactor is what decides whether a session still waits for the second
// factor of its user. The zero value is that of a user who has none.
type SecondFactor struct {
	// Checked and MandatorySetup are mfa_checked and mandatory_mfa_setup in the
	// namespace com_users of the session's data, decoded; nil where they are
	// not there.
	Checked, MandatorySetup any
	// Unreadable reports whether the session's data is out of reach, or cannot
	// be decoded. Then it does not matter what Checked and MandatorySetup are.
	Unreadable bool
	// Enrolled reports whether the user has a factor that counts: one in
	// #__user_mfa whose method is enabled, other than backup codes.
	Enrolled bool
	// Params are the parameters of the component com_users. Where
	// Joomla\Registry\Registry cannot read them as JSON, they exempt nobody,
	// and force nobody.
	Params string
	// Groups are the ids of the user's groups, and of all their ancestors.
	Groups []int64
}

// Pending reports whether the user has yet to pass the second factor, or to set
// one up, before Joomla shows a page
// (Joomla\CMS\Application\MultiFactorAuthenticationHandler):
//
//   - While mandatory_mfa_setup is set, it is pending, checked or not.
//   - Where mfa_checked is 1, it is not.
//   - Else it is for users who are in one of forceMFAUserGroups, and for those
//     who have a factor, unless they are in one of neverMFAUserGroups.
//   - Where the session's data is unreadable, those are not exempt.
//
// In doubt it is pending. Joomla goes by lists of groups only; here an object,
// or a group by itself, forces too, but exempts nobody. Joomla takes other
// values than 0 of mfa_checked for 1.
func (f SecondFactor) Pending() bool {
	if !f.Unreadable && castBool(f.MandatorySetup) {
		return true
	}
	if !f.Unreadable && (f.Checked == int64(1) || f.Checked == true || f.Checked == "1") {
		return false
	}
	params := parameters(f.Params)
	forced := meet(groupIDs(params["forceMFAUserGroups"]), f.Groups)
	if f.Unreadable {
		return f.Enrolled || forced
	}
	list, _ := params["neverMFAUserGroups"].([]any)
	return forced || f.Enrolled && !meet(groupIDs(list), f.Groups)
}

// Forces reports whether the parameters of com_users force a second factor on
// some group.
func Forces(params string) bool { return len(groupIDs(parameters(params)["forceMFAUserGroups"])) > 0 }

// Enrolled reports whether a user has a second factor that counts:
//
//   - one of methods whose plugin, which is called like it in lower case, is
//     enabled;
//   - one of methods that no plugin is called like, since a plugin may name its
//     method otherwise;
//   - otpKey, the factor of Joomla 3.2 to 4.1, of which later versions make one
//     of today's at the first page after the password.
//
// None counts while no plugin is enabled. Lists have commas between their
// elements; methods are those in #__user_mfa other than backup codes.
func Enrolled(methods, otpKey, enabled, disabled string) bool {
	if enabled == "" || methods == "" && otpKey == "" {
		return false
	}
	off := strings.Split(strings.ToLower(disabled), ",")
	on := strings.Split(strings.ToLower(enabled), ",")
	counts := func(method string) bool { return slices.Contains(on, method) || !slices.Contains(off, method) }
	return otpKey != "" || slices.ContainsFunc(strings.Split(strings.ToLower(methods), ","), counts)
}
