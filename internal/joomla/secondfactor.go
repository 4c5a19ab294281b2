package joomla

import (
	"slices"
	"strings"
)

// A SecondFactor is what decides whether a session still waits for the second
// factor of its user. The zero value is that of a user who has none.
type SecondFactor struct {
	// Checked reports whether the session has mfa_checked of 1, and
	// MandatorySetup whether it has a mandatory_mfa_setup that PHP holds for
	// true, both in the namespace com_users.
	Checked, MandatorySetup bool
	// Enrolled reports whether the user has a factor that counts.
	Enrolled bool
	// Policy is that of the site.
	Policy FactorPolicy
	// Groups are the ids of the user's groups, and of all their ancestors.
	Groups []int64
}

// Pending reports whether the user has yet to pass the second factor, or to set
// one up, before Joomla serves anything but a page
// (Joomla\CMS\Application\MultiFactorAuthenticationHandler):
//
//   - While mandatory_mfa_setup is set, it is pending, checked or not.
//   - Where mfa_checked is 1, it is not.
//   - Else it is for users who are in one of forceMFAUserGroups, and for those
//     who have a factor.
//
// Members of neverMFAUserGroups are no exception: Joomla sets mfa_checked for
// them with the first page, and answers anything else with 403 until then.
//
// In doubt it is pending, also where the parameters are not JSON: Joomla
// answers 500, or reads an INI file. Joomla goes by lists of groups only; here
// an object, or a group by itself, forces too. Joomla takes other values than 0
// of mfa_checked for 1.
func (f SecondFactor) Pending() bool {
	switch {
	case f.Policy.unreadable, f.MandatorySetup:
		return true
	case f.Checked:
		return false
	}
	return f.Enrolled || meet(f.Policy.forced, f.Groups)
}

// A FactorPolicy is what the parameters of the component com_users say about
// second factors. The zero value forces nobody. It is immutable.
type FactorPolicy struct {
	unreadable bool
	forced     []int64 // the ids of groups
}

// ParseFactorPolicy returns the FactorPolicy of the parameters of com_users.
func ParseFactorPolicy(params string) FactorPolicy {
	read, ok := readParameters(params)
	return FactorPolicy{!ok, groupIDs(read["forceMFAUserGroups"])}
}

// Forces reports whether p forces a second factor on some group, or on all for
// want of JSON.
func (p FactorPolicy) Forces() bool { return p.unreadable || len(p.forced) > 0 }

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
