package joomla_test

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi/internal/joomla"
	"github.com/capi-go/capi/internal/joomlatest"
)

func TestAnyLoginRows(t *testing.T) {
	seen := 0
	hold := func(where string, row joomlatest.Row) {
		text, _ := row["data"].(string)
		login, err := joomla.AnyLogin([]byte(text))
		require.NoError(t, err, where)
		if userid, ok := row["userid"].(string); ok && text != "" {
			assert.Equal(t, userid, strconv.FormatInt(login.UserID, 10), where)
			seen++
		}
	}
	for _, site := range joomlatest.Recordings() {
		for _, row := range joomlatest.Recorded(site).Tables["session"] {
			hold(site, row)
		}
	}
	for _, c := range joomlatest.SecondFactor() {
		for _, row := range c.Recording.Tables["session"] {
			hold(c.Name, row)
		}
	}
	for _, c := range joomlatest.Handlers() {
		if !c.Metadata {
			continue // The row does not tell.
		}
		for _, row := range c.Recording.Tables["session"] {
			hold(c.Name, row)
		}
	}
	assert.Greater(t, seen, 80)
}

// TestAnyLoginSecondFactor checks what the sessions of second_factor.json say
// by themselves: those that were let in after a page have mfa_checked; others
// do not, or have a mandatory setup.
func TestAnyLoginSecondFactor(t *testing.T) {
	seen := map[joomla.Login]int{}
	for _, c := range joomlatest.SecondFactor() {
		var payloads []string
		for _, row := range c.Recording.Tables["session"] {
			if text, ok := row["data"].(string); ok {
				payloads = append(payloads, text)
			}
		}
		for _, v := range c.Redis {
			payloads = append(payloads, v.Value)
		}
		require.NotEmpty(t, payloads, c.Name)
		for _, payload := range payloads {
			login, err := joomla.AnyLogin([]byte(payload))
			require.NoError(t, err, c.Name)
			assert.Equal(t, int64(102), login.UserID, c.Name)
			if c.Want == 403 {
				assert.False(t, login.MFAChecked == joomla.One && login.MandatoryMFASetup != joomla.One, c.Name)
			}
			assert.Positive(t, login.Now, c.Name)
			login.Now = 0
			seen[login]++
		}
	}
	for _, login := range []joomla.Login{
		{UserID: 102},
		{UserID: 102, MFAChecked: joomla.One},
		{UserID: 102, MFAChecked: joomla.One, MandatoryMFASetup: joomla.Zero},
		{UserID: 102, MFAChecked: joomla.Zero, MandatoryMFASetup: joomla.One},
	} {
		assert.Positive(t, seen[login], "%+v", login)
	}
	assert.Len(t, seen, 4)
}

func TestAnyLogin(t *testing.T) {
	users := func(value string) string {
		return variable("joomla", registry(`O:8:"stdClass":2:{s:4:"user";O:1:"U":1:{s:2:"id";i:7;}s:9:"com_users";O:8:"stdClass":1:{s:11:"mfa_checked";`+value+`}}`))
	}
	checked := func(f joomla.Flag) joomla.Login { return joomla.Login{UserID: 7, MFAChecked: f} }
	id := func(id string) string { return `a:1:{s:4:"user";a:1:{s:2:"id";` + id + `}}` }
	space := func(s string) string { return `a:1:{s:9:"__default";` + s + `}` }
	seven := joomla.Login{UserID: 7}
	tests := []struct {
		name, payload string
		want          joomla.Login
	}{
		{"empty", ``, joomla.Login{}},
		{"1", users(`i:1;`), checked(joomla.One)},
		{`"1"`, users(`s:1:"1";`), checked(joomla.One)},
		{`" 1.0 "`, users(`s:5:" 1.0 ";`), checked(joomla.One)},
		{`"1e0"`, users(`s:3:"1e0";`), checked(joomla.One)},
		{"1.0", users(`d:1;`), checked(joomla.One)},
		{"true", users(`b:1;`), checked(joomla.One)},
		{"0", users(`i:0;`), checked(joomla.Zero)},
		{"false", users(`b:0;`), checked(joomla.Zero)},
		{`"0"`, users(`s:1:"0";`), checked(joomla.Zero)},
		{"null", users(`N;`), checked(joomla.Absent)},
		{"2", users(`i:2;`), checked(joomla.Other)},
		{"NAN", users(`d:NAN;`), checked(joomla.Other)},
		{"INF in a string", users(`s:3:"INF";`), checked(joomla.Other)},
		{`""`, users(`s:0:"";`), checked(joomla.Other)},
		{`"1x"`, users(`s:2:"1x";`), checked(joomla.Other)},
		{`"1_0"`, users(`s:3:"0x1";`), checked(joomla.Other)},
		{"array", users(`a:1:{i:0;i:1;}`), checked(joomla.Other)},
		{"escaped", users(`S:1:"\31";`), checked(joomla.One)},
		{"id as a string", variable("joomla", registry(id(`s:1:"7";`))), seven},
		{"id with junk", variable("joomla", registry(id(`s:2:"7x";`))), joomla.Login{}},
		{"id that is an array", variable("joomla", registry(id(`a:0:{}`))), joomla.Login{}},
		{"user that is none", variable("joomla", registry(`a:1:{s:4:"user";i:7;}`)), joomla.Login{}},
		{"3.x", variable("joomla", registry(space(id(`i:7;`)))), seven},
		{"upgraded from 3.x", variable("joomla", registry(`a:2:{s:9:"__default";`+id(`i:8;`)+`s:4:"user";a:1:{s:2:"id";i:7;}}`)), seven},
		{"upgraded from 3.x, user first", variable("joomla", registry(`a:2:{s:4:"user";a:1:{s:2:"id";i:7;}s:9:"__default";`+id(`i:8;`)+`}`)), seven},
		{"upgraded from 3.x, no user yet", variable("joomla", registry(`a:3:{s:9:"__default";`+id(`i:7;`)+`s:4:"user";N;s:9:"com_users";a:1:{s:11:"mfa_checked";i:0;}}`)), checked(joomla.Zero)},
		{"__default that is none", variable("joomla", registry(`a:2:{s:9:"__default";i:1;s:4:"user";a:1:{s:2:"id";i:7;}}`)), seven},
		{"3.4.6", `__default|a:1:{s:4:"user";O:5:"JUser":1:{s:2:"id";s:1:"7";}}x|s:3:"\0\0\0";`, seven},
		{"3.4.6, php_serialize", space(id(`i:7;`)), seven},
		{"php_serialize", `a:1:{` + phpString("joomla") + phpString(registry(id(`i:7;`))) + `}`, seven},
		{"among other variables", `a|i:1;` + variable("joomla", registry(id(`i:7;`))) + `user|a:1:{s:2:"id";i:8;}`, seven},
		{"doubled variable", variable("joomla", registry(id(`i:8;`))) + variable("joomla", registry(id(`i:7;`))), seven},
		{"doubled id", variable("joomla", registry(`a:1:{s:4:"user";a:2:{s:2:"id";i:8;s:2:"id";i:7;}}`)), seven},
		{"doubled user", variable("joomla", registry(`a:2:{s:4:"user";a:1:{s:2:"id";i:8;}s:4:"user";a:0:{}}`)), joomla.Login{}},
		{"doubled com_users", variable("joomla", registry(`a:2:{s:9:"com_users";a:1:{s:11:"mfa_checked";i:1;}s:9:"com_users";i:1;}`)), joomla.Login{}},
		{"doubled __default", variable("joomla", registry(`a:2:{s:9:"__default";`+id(`i:8;`)+`s:9:"__default";`+id(`i:7;`)+`}`)), seven},
		{"empty __default, with a user outside", variable("joomla", registry(`a:2:{s:9:"__default";a:0:{}s:4:"user";a:1:{s:2:"id";i:7;}}`)), seven},
		// Programs other than Joomla share the directory of files, or a Redis.
		{"another program's", `user|a:1:{s:2:"id";i:7;}com_users|a:1:{s:11:"mfa_checked";i:1;}`, joomla.Login{}},
		{"another program's, php_serialize", id(`i:7;`), joomla.Login{}},
		{"doubled __default, the last of a guest", variable("joomla", registry(`a:2:{s:9:"__default";`+id(`i:8;`)+`s:9:"__default";a:0:{}}`)), joomla.Login{}},
		{"protected", variable("joomla", registry("O:1:\"A\":1:{s:7:\"\x00*\x00user\";a:1:{s:2:\"id\";i:7;}}")), seven},
		{"user that is a Registry", variable("joomla", registry(`a:1:{s:4:"user";O:9:"JRegistry":1:{s:4:"data";a:1:{s:2:"id";i:7;}}}`)), seven},
		{"user by reference", variable("joomla", registry(`a:2:{s:1:"x";O:1:"U":1:{s:2:"id";i:7;}s:4:"user";r:3;}`)), seven},
		{"deeper names", variable("joomla", registry(`a:2:{s:4:"user";a:2:{s:2:"id";i:7;s:1:"x";a:1:{s:2:"id";i:8;}}s:1:"x";`+id(`i:8;`)+`}`)), seven},
		{"a name of another's", variable("joomla", registry(`a:2:{s:6:"joomla";a:0:{}s:4:"user";a:1:{s:2:"id";i:7;}}`)), seven},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := joomla.AnyLogin([]byte(tt.payload))
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
	for _, payload := range []string{"x", variable("joomla", "AAAA"), variable("joomla", registry(id(`i:7`)))} {
		_, err := joomla.AnyLogin([]byte(payload))
		require.Error(t, err)
	}
}

func BenchmarkAnyLogin(b *testing.B) {
	for name, data := range map[string][]byte{
		"registry":  []byte(variable("joomla", registry(`a:2:{s:1:"x";a:1:{i:0;`+phpString(string(make([]byte, 1000)))+`}s:4:"user";a:1:{s:2:"id";i:7;}}`))),
		"variables": []byte(`__default|a:1:{s:4:"user";O:5:"JUser":1:{s:2:"id";s:1:"7";}}`),
	} {
		b.Run("style="+name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := joomla.AnyLogin(data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
