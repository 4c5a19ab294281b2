package joomla_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/capi-go/capi/internal/joomla"
)

func TestSecondFactorPending(t *testing.T) {
	const never, force, both = `{"neverMFAUserGroups":["8"]}`, `{"forceMFAUserGroups":["8"]}`,
		`{"neverMFAUserGroups":["8"],"forceMFAUserGroups":["8"]}`
	// For a user with a factor and for one without, as it is pending.
	type pending struct{ with, without bool }
	tests := []struct {
		checked, setup any
		params         string
		want           pending
	}{
		{nil, nil, ``, pending{true, false}}, // no page since the password
		{int64(0), nil, ``, pending{true, false}},
		{int64(0), int64(0), ``, pending{true, false}},
		{int64(1), nil, ``, pending{false, false}},
		{int64(1), int64(0), ``, pending{false, false}},
		{int64(1), nil, force, pending{false, false}},
		{"1", "0", ``, pending{false, false}},
		{true, false, ``, pending{false, false}},
		{int64(1), "", ``, pending{false, false}},
		{int64(2), nil, ``, pending{true, false}},
		{"x", nil, ``, pending{true, false}},
		{[]any{}, nil, ``, pending{true, false}},
		{map[string]any{"1": int64(1)}, nil, ``, pending{true, false}},
		{int64(1), int64(1), ``, pending{true, true}},
		{int64(1), int64(1), never, pending{true, true}},
		{int64(0), int64(1), never, pending{true, true}},
		{nil, "1", ``, pending{true, true}},
		{int64(1), "x", ``, pending{true, true}},
		{int64(1), 0.5, ``, pending{true, true}},

		{nil, nil, never, pending{false, false}},
		{int64(0), nil, never, pending{false, false}},
		{nil, nil, force, pending{true, true}},
		{nil, nil, both, pending{true, true}},
		{nil, nil, `{"neverMFAUserGroups":[2,8]}`, pending{false, false}},
		{nil, nil, `{"neverMFAUserGroups":[1]}`, pending{false, false}}, // an ancestor
		{nil, nil, `{"neverMFAUserGroups":[2,"80"]}`, pending{true, false}},
		{nil, nil, `{"neverMFAUserGroups":{"1":8}}`, pending{true, false}},
		{nil, nil, `{"neverMFAUserGroups":8}`, pending{true, false}},
		{nil, nil, `{"neverMFAUserGroups":"8"}`, pending{true, false}},
		{nil, nil, `{"neverMFAUserGroups":[true,"08",8.0,[8],null]}`, pending{true, false}},
		{nil, nil, `{"forceMFAUserGroups":[1]}`, pending{true, true}},
		{nil, nil, `{"forceMFAUserGroups":{"1":8}}`, pending{true, true}},
		{nil, nil, `{"forceMFAUserGroups":8}`, pending{true, true}},
		{nil, nil, `{"forceMFAUserGroups":"8"}`, pending{true, true}},
		{nil, nil, `{"forceMFAUserGroups":[2,"80"]}`, pending{true, false}},
		{nil, nil, `{"forceMFAUserGroups":[],"neverMFAUserGroups":[]}`, pending{true, false}},
		{nil, nil, `{"forceMFAUserGroups":""}`, pending{true, false}},
		// Parameters that cannot be read exempt nobody and force nobody.
		{nil, nil, `{"neverMFAUserGroups":["8"]`, pending{true, false}},
		{nil, nil, `{"forceMFAUserGroups":["8"],"x":"\ud800"}`, pending{true, false}},
		{nil, nil, `[]`, pending{true, false}},
	}
	for _, test := range tests {
		f := joomla.SecondFactor{Checked: test.checked, MandatorySetup: test.setup, Params: test.params, Groups: []int64{8, 1}}
		without := f.Pending()
		f.Enrolled = true
		assert.Equal(t, test.want, pending{f.Pending(), without}, "%v %v %s", test.checked, test.setup, test.params)
	}

	// Unreadable data: neither an exemption nor what is in the fields helps.
	for params, want := range map[string]pending{``: {true, false}, never: {true, false}, force: {true, true}, both: {true, true}, `{`: {true, false}} {
		f := joomla.SecondFactor{Checked: int64(1), Unreadable: true, Params: params, Groups: []int64{8, 1}}
		without := f.Pending()
		f.Enrolled = true
		assert.Equal(t, want, pending{f.Pending(), without}, params)
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
