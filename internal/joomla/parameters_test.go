package joomla_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi/internal/joomla"
)

func TestAllowedUserGroups(t *testing.T) {
	standard := []int64{8}
	for params, want := range map[string][]int64{
		// Not this parameter.
		``: standard, " \n": standard, `{}`: standard, `[]`: standard, `null`: standard, `0`: standard,
		`"x"`: standard, `[{"allowedUserGroups":[2]}]`: standard,
		`{"other":1}`: standard, `{"a":{"allowedUserGroups":[2]}}`: standard, `{"AllowedUserGroups":[2]}`: standard,
		"\x00\v": standard, `"{\"allowedUserGroups\":[2]}"`: standard,

		`{"allowedUserGroups":[2,22]}`: {2, 22}, `{"allowedUserGroups":["2","22"]}`: {2, 22},
		`{"allowedUserGroups":{"1":"22","3":2}}`: {2, 22},
		`{"allowedUserGroups":22}`:               {22}, `{"allowedUserGroups":"22"}`: {22},
		`{"allowedUserGroups":[],"allowedUserGroups":[2]}`: {2},
		"\v\x00 {\"allowedUserGroups\":[2]}\n":             {2}, // Joomla trims as PHP does.

		// Members of no group, so nobody.
		`{"allowedUserGroups":[0]}`: {0}, `{"allowedUserGroups":[null]}`: nil, `{"allowedUserGroups":[""]}`: nil,
		`{"allowedUserGroups":[[8]]}`:  nil,
		`{"allowedUserGroups":[true]}`: nil, `{"allowedUserGroups":{"0":[8]}}`: nil,
		`{"allowedUserGroups":true}`: nil, `{"allowedUserGroups":false}`: nil,
		`{"allowedUserGroups":0.0}`: nil, `{"allowedUserGroups":8.0}`: nil,
		`{"allowedUserGroups":["08"," 8","8.0","+8","-0","8x"]}`: nil,
		`{"allowedUserGroups":" "}`:                              nil, `{"allowedUserGroups":"00"}`: nil,
		`{"allowedUserGroups":[99999999999999999999]}`: nil,
	} {
		got, all, ok := joomla.AllowedUserGroups(params)
		assert.Equal(t, want, got, params)
		assert.False(t, all, params)
		assert.True(t, ok, params)
	}
	// Not JSON, or with names that PHP's objects cannot have.
	for _, params := range []string{
		`{"hush`, `{"allowedUserGroups":[2]`, `{"allowedUserGroups":[2],"x":"\ud800"}`, `hush=1`, `allowedUserGroups=2`, `[token]`, `;`, `{}{}`,
		"{\"allowedUserGroups\":[2],\"\xff\":0}", `{"\u0000":1}`, `{"a":[{"\u0000b":1}]}`, "\ufeff{}", "{}\u00a0",
	} {
		got, all, ok := joomla.AllowedUserGroups(params)
		assert.Empty(t, got, params)
		assert.False(t, all || ok, params)
	}
	for _, value := range []string{`null`, ` null `, `[]`, `[ ]`, `{}`, `""`, `0`, `"0"`, `-0`} {
		got, all, ok := joomla.AllowedUserGroups(`{"allowedUserGroups":` + value + `}`)
		assert.Nil(t, got, value)
		assert.True(t, all && ok, value)
	}
}

func TestGuestUserGroup(t *testing.T) {
	for params, want := range map[string]int64{
		`{"guest_usergroup":"9"}`: 9, `{"guest_usergroup":13}`: 13, `{"guest_usergroup":"13 "}`: 13,
		`{"guest_usergroup":"0"}`: 0,
		`{"guest_usergroup":"x"}`: 0, `{"guest_usergroup":""}`: 1, `{"guest_usergroup":null}`: 1,
		`{"guest_usergroup":[9]}`: 1, `{"guest_usergroup":true}`: 1,
		`{"new_usertype":"9"}`: 1, ``: 1, `{"guest_usergroup":"9"`: 1, `[9]`: 1,
	} {
		assert.Equal(t, want, joomla.GuestUserGroup(params), params)
	}
}

// FuzzAllowedUserGroups checks that only the few ways to write nothing let all
// users in, and that parameters without it keep them out.
func FuzzAllowedUserGroups(f *testing.F) {
	for _, params := range []string{
		"", "{}", "[]", `{"allowedUserGroups":[8,"9"]}`, `{"allowedUserGroups":{"1":"8"}}`, `{"allowedUserGroups":8}`,
		`{"allowedUserGroups":[]}`, ` {"allowedUserGroups":null}`, `{"allowedUserGroups":""}`, `{"allowedUserGroups":[null]}`,
		`{"allowedUserGroups":false}`, `{"allowedUserGroups":[[8]]}`, `{"allowedUserGroups":2,"allowedUserGroups":-0}`, "a=1", `{"\u0000":[]}`,
	} {
		f.Add(params)
	}
	f.Fuzz(func(t *testing.T, params string) {
		groups, all, ok := joomla.AllowedUserGroups(params)
		if !ok {
			require.Empty(t, groups)
			require.False(t, all)
			require.NotEmpty(t, strings.Trim(params, " \t\n\r\x00\v"))
			return
		}
		// Of repeated members, encoding/json also takes the last. If PHP
		// refuses what it accepts, the result must not be all users.
		var members map[string]json.RawMessage
		err := json.Unmarshal([]byte(strings.Trim(params, " \t\n\r\x00\v")), &members)
		value, given := members["allowedUserGroups"]
		if all {
			require.Nil(t, groups)
			require.NoError(t, err)
			require.True(t, given)
			require.Contains(t, []string{"null", "[]", "{}", `""`, "0", "-0", `"0"`}, strings.Join(strings.Fields(string(value)), ""))
		} else if err == nil && !given {
			require.Equal(t, []int64{8}, groups)
		}
	})
}
