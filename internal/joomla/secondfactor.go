package joomla

import (
	"slices"
	"strings"
)

// A SecondFactor is what decides whether a session waits for the second factor
// of its user. The zero value is for a user without one.
type SecondFactor struct {
	// Checked reports whether mfa_checked is 1 in the session, and
	// MandatorySetup whether mandatory_mfa_setup is true to PHP, both in the
	// namespace com_users.
	Checked, MandatorySetup bool
	// Enrolled reports whether the user has a factor that counts.
	Enrolled bool
	// Policy is the site's.
	Policy FactorPolicy
	// Groups are the ids of the user's groups, and of all their ancestors.
	Groups []int64
}

// Pending reports whether the user must pass or set up a second factor before
// Joomla serves anything but a page
// (Joomla\CMS\Application\MultiFactorAuthenticationHandler):
//
//   - While mandatory_mfa_setup is set, it is pending, checked or not.
//   - If mfa_checked is 1, it is not.
//   - Otherwise it is for members of forceMFAUserGroups, and for users who have
//     a factor.
//
// Members of neverMFAUserGroups are no exception: Joomla sets mfa_checked for
// them with the first page, and until then answers anything else with 403.
//
// In doubt it is pending, also if the parameters are not JSON: then Joomla
// answers 500, or reads an INI file. Joomla accepts only lists of groups; here
// an object or a single group also forces. Joomla takes any mfa_checked other
// than 0 for 1.
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
// second factors. The zero value forces nobody. A FactorPolicy is immutable.
type FactorPolicy struct {
	unreadable bool
	forced     []int64 // the ids of groups
}

// ParseFactorPolicy returns the FactorPolicy of the parameters of com_users.
func ParseFactorPolicy(params string) FactorPolicy {
	read, ok := readParameters(params)
	return FactorPolicy{!ok, groupIDs(read["forceMFAUserGroups"])}
}

// Forces reports whether p forces a second factor on some group, or on
// everybody because the parameters are not JSON.
func (p FactorPolicy) Forces() bool { return p.unreadable || len(p.forced) > 0 }

// Enrolled reports whether a user has a second factor that counts:
//
//   - one of methods whose plugin, which has the same name in lower case, is
//     enabled;
//   - one of methods without a plugin of that name, since a plugin may name its
//     method differently;
//   - otpKey, the factor of Joomla 3.2 to 4.1, which later versions convert
//     with the first page after the password.
//
// None counts while no plugin is enabled. The lists are separated by commas;
// methods are those in #__user_mfa except backup codes.
func Enrolled(methods, otpKey, enabled, disabled string) bool {
	if enabled == "" || methods == "" && otpKey == "" {
		return false
	}
	off := strings.Split(strings.ToLower(disabled), ",")
	on := strings.Split(strings.ToLower(enabled), ",")
	counts := func(method string) bool { return slices.Contains(on, method) || !slices.Contains(off, method) }
	return otpKey != "" || slices.ContainsFunc(strings.Split(strings.ToLower(methods), ","), counts)
}
