package joomla_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/capi-go/capi/internal/joomla"
)

func TestSecondFactorPending(t *testing.T) {
	const force = `{"forceMFAUserGroups":["8"]}`
	// Whether it is pending for a user with a factor, and for one without.
	type pending struct{ with, without bool }
	tests := []struct {
		checked, setup bool
		params         string
		want           pending
	}{
		{false, false, ``, pending{true, false}},
		{true, false, ``, pending{false, false}},
		{true, false, force, pending{false, false}},
		{true, true, ``, pending{true, true}},
		{false, true, ``, pending{true, true}},
		{false, false, force, pending{true, true}},
		// Joomla asks those who are exempt until their first page.
		{false, false, `{"neverMFAUserGroups":["8"]}`, pending{true, false}},
		{false, true, `{"neverMFAUserGroups":["8"]}`, pending{true, true}},
		{false, false, `{"neverMFAUserGroups":["8"],"forceMFAUserGroups":["8"]}`, pending{true, true}},

		{false, false, `{"forceMFAUserGroups":[1]}`, pending{true, true}}, // an ancestor
		{false, false, `{"forceMFAUserGroups":{"1":8}}`, pending{true, true}},
		{false, false, `{"forceMFAUserGroups":8}`, pending{true, true}},
		{false, false, `{"forceMFAUserGroups":"8"}`, pending{true, true}},
		{false, false, `{"forceMFAUserGroups":[2,"80"]}`, pending{true, false}},
		{false, false, `{"forceMFAUserGroups":[]}`, pending{true, false}},
		{false, false, `{"forceMFAUserGroups":""}`, pending{true, false}},
		// Joomla answers 500 if the parameters are not JSON.
		{false, false, `{"x":"\ud800"}`, pending{true, true}},
		{true, false, `{`, pending{true, true}},
		{false, false, `[]`, pending{true, false}},
	}
	for _, test := range tests {
		f := joomla.SecondFactor{Checked: test.checked, MandatorySetup: test.setup, Policy: joomla.ParseFactorPolicy(test.params), Groups: []int64{8, 1}}
		without := f.Pending()
		f.Enrolled = true
		assert.Equal(t, test.want, pending{f.Pending(), without}, "%v %v %s", test.checked, test.setup, test.params)
	}
	assert.False(t, joomla.SecondFactor{}.Pending())
}

func TestEnrolled(t *testing.T) {
	tests := map[string]struct {
		methods, otpKey, enabled, disabled string
		want                               bool
	}{
		"none":                               {"", "", "totp", "", false},
		"enabled":                            {"totp", "", "email,totp", "", true},
		"in other case":                      {"TOTP", "", "totp", "", true},
		"disabled":                           {"totp", "", "email", "fixed,totp", false},
		"disabled, another enabled":          {"totp,email", "", "email", "totp", true},
		"of no plugin's name":                {"another", "", "email", "totp", true},
		"of no plugin's name, none enabled":  {"another", "", "", "totp", false},
		"of before 4.2":                      {"", "totp:secret", "email", "", true},
		"of before 4.2, with none enabled":   {"", "totp:secret", "", "totp", false},
		"before 4.2":                         {"", "totp:secret", "", "", false},
		"disabled, and one of before 4.2":    {"totp", "totp:secret", "email", "totp", true},
		"a prefix of the name of a disabled": {"tot", "", "email", "totp", true},
	}
	for name, test := range tests {
		assert.Equal(t, test.want, joomla.Enrolled(test.methods, test.otpKey, test.enabled, test.disabled), name)
	}
}
