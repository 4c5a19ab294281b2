package joomla_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi/internal/joomla"
)

func TestMaskerVectors(t *testing.T) {
	// The secrets in the vectors, and the only text that may change.
	secrets := []string{
		"$2y$10$abcdefghijklmnopqrstuuA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6", "JBSWY3DPEHPK3PXP", "809d4580aaed41565abc38d58f77f840",
		"83f1535f99ab0bf4e9d02dfd85d3e3f7", "f1290186a5d0b1ceab27f4e77c0c5d68", "9dd4e461268c8034f5c8564e155c67a6", "raw;}data",
	}
	masked := 0
	var starred func(v any, secret bool) any
	starred = func(v any, secret bool) any {
		switch v := v.(type) {
		case map[string]any:
			for name := range v {
				v[name] = starred(v[name], name == "otep" || name == "secretNote")
			}
		case []any:
			for i := range v {
				v[i] = starred(v[i], secret)
			}
		case string:
			if secret || slices.Contains(secrets, v) {
				masked++
				return strings.Repeat("*", len(v))
			}
		}
		return v
	}
	leftOut := map[string][]string{} // The names of sessions, by reason.
	for _, vector := range vectors(t) {
		t.Run(vector.Name, func(t *testing.T) {
			got := mask(t, vector.Stored)
			if vector.Error {
				require.Nil(t, got)
				_, _, err := joomla.Decode(vector.Stored)
				require.Error(t, err)
				leftOut[err.Error()] = append(leftOut[err.Error()], vector.Name)
				return
			}
			require.NotNil(t, got, "left out, though PHP reads it")
			for _, secret := range secrets {
				assert.NotContains(t, string(got)+string(unbase64(got)), secret)
			}
			want, _, err := joomla.Decode(vector.Stored)
			require.NoError(t, err)
			decoded, _, err := joomla.Decode(got)
			require.NoError(t, err)
			want, _ = starred(want, false).(map[string]any)
			assert.Equal(t, want, decoded)
		})
	}
	assert.Greater(t, masked, 15)
	for reason, names := range leftOut {
		t.Logf("%d left out, as PHP cannot read them: %s: %s", len(names), reason, strings.Join(names, ", "))
	}
}

func TestMaskerRows(t *testing.T) {
	counted := 0
	defer func() { t.Logf("none of %d left out", counted) }()
	for name, data := range payloads(t) {
		require.Len(t, mask(t, data), len(data), "left out")
		counted++
		if strings.HasPrefix(name, "j6") || strings.HasPrefix(name, "case") {
			continue // They hold form tokens.
		}
		t.Run(name, func(t *testing.T) {
			// These hold no secret, so nothing may change.
			assert.Equal(t, data, mask(t, data))
			if len(data) == 0 {
				return
			}
			// The same rows with the traces of a login and a profile form.
			inner := unbase64(data)
			require.NotEmpty(t, inner)
			user := `s:4:"user";O:20:"Joomla\CMS\User\User":1:{`
			require.Contains(t, string(inner), user)
			secret := "$2y$10$0123456789012345678901234567890123456789012345678901"
			rich := strings.Replace(string(inner), user,
				`s:5:"token";s:32:"0123456789abcdef0123456789abcdef";`+strings.Replace(user, ":1:{", ":2:{", 1)+`s:8:"password";`+phpString(secret), 1)
			rich = strings.Replace(rich, `O:8:"stdClass":3:{s:7:"session"`, `O:8:"stdClass":4:{s:7:"session"`, 1)
			rich = variable("joomla", base64.StdEncoding.EncodeToString([]byte(rich)))
			got := mask(t, []byte(rich))
			require.NotNil(t, got)
			opened := string(unbase64(got))
			for _, s := range []string{secret, "0123456789abcdef"} {
				assert.NotContains(t, string(got), s)
				assert.NotContains(t, opened, s)
			}
			opened = strings.Replace(opened, phpString(strings.Repeat("*", len(secret))), phpString(secret), 1)
			opened = strings.Replace(opened, phpString(strings.Repeat("*", 32)), phpString("0123456789abcdef0123456789abcdef"), 1)
			assert.Equal(t, string(unbase64([]byte(rich))), opened, "something else has changed")
		})
	}
}

func TestMasker(t *testing.T) {
	object := func(properties string) string { return `O:8:"stdClass":1:{` + properties + `}` }
	tests := []struct{ name, data, want string }{
		{"string", `a|a:1:{s:8:"password";s:3:"abc";}`, `a|a:1:{s:8:"password";s:3:"***";}`},
		{"empty string", `a|a:1:{s:8:"password";s:0:"";}`, `a|a:1:{s:8:"password";s:0:"";}`},
		{"string that looks like PHP", `a|a:1:{s:8:"password";s:12:"";}i:1;s:2:"";}`, `a|a:1:{s:8:"password";s:12:"************";}`},
		{"property", `a|` + object(`s:8:"password";s:3:"abc";`), `a|` + object(`s:8:"password";s:3:"***";`)},
		{"protected property", `a|` + object("s:11:\"\x00*\x00password\";s:3:\"abc\";"), `a|` + object("s:11:\"\x00*\x00password\";s:3:\"***\";")},
		{"private property", `a|` + object("s:12:\"\x00User\x00otpKey\";s:3:\"abc\";"), `a|` + object("s:12:\"\x00User\x00otpKey\";s:3:\"***\";")},
		{"array key like a private property", "a|a:1:{s:8:\"\x00token\x00x\";s:3:\"abc\";}", "a|a:1:{s:8:\"\x00token\x00x\";s:3:\"***\";}"},
		{"variable like a private property", "\x00token\x00x|s:3:\"abc\";", "\x00token\x00x|s:3:\"***\";"},
		{"private property of a class with a telling name", `a|` + object("s:16:\"\x00PasswordBox\x00abc\";s:3:\"abc\";"), `a|` + object("s:16:\"\x00PasswordBox\x00abc\";s:3:\"abc\";")},
		{"masked protected property", `a|` + object(`s:11:"\0\0\0password";s:3:"abc";`), `a|` + object(`s:11:"\0\0\0password";s:3:"***";`)},
		{"masked bytes within a secret", `a|a:1:{s:8:"password";s:5:"x\0\0\0y";}`, `a|a:1:{s:8:"password";s:5:"*\0\0\0*";}`},
		{"name in capitals", `a|a:1:{s:8:"PassWord";s:3:"abc";}`, `a|a:1:{s:8:"PassWord";s:3:"***";}`},
		{"name with dots and lines", `a|a:1:{s:9:"a.Api-Key";s:3:"abc";}`, `a|a:1:{s:9:"a.Api-Key";s:3:"***";}`},
		{"name with escapes", `a|a:1:{S:5:"tok\65n";s:3:"abc";}`, `a|a:1:{S:5:"tok\65n";s:3:"***";}`},
		{"escaped string", `a|a:1:{s:5:"token";S:3:"a\62c";}`, `a|a:1:{s:5:"token";S:3:"*\2a*";}`},
		{"session variable", `token|s:3:"abc";b|s:3:"abc";`, `token|s:3:"***";b|s:3:"abc";`},
		{"dotted key of 3.x", `__default|a:1:{s:13:"session.token";s:3:"abc";}`, `__default|a:1:{s:13:"session.token";s:3:"***";}`},
		{"php_serialize", `a:1:{s:1:"u";a:1:{s:4:"otep";s:3:"abc";}}`, `a:1:{s:1:"u";a:1:{s:4:"otep";s:3:"***";}}`},
		{"array under a secret name", `otep|a:2:{i:0;s:3:"abc";i:1;a:1:{s:1:"x";s:3:"def";}}b|s:1:"b";`, `otep|a:2:{i:0;s:3:"***";i:1;a:1:{s:1:"x";s:3:"***";}}b|s:1:"b";`},
		{"after an array under a secret name", `a|a:2:{s:6:"tokens";a:1:{i:0;s:3:"abc";}s:1:"b";s:3:"abc";}`, `a|a:2:{s:6:"tokens";a:1:{i:0;s:3:"***";}s:1:"b";s:3:"abc";}`},
		{"numbers", `a|a:4:{s:4:"otpa";i:-123;s:4:"otpb";d:1.5E+3;s:4:"otpc";d:INF;s:4:"otpd";i:9223372036854775807;}`, `a|a:4:{s:4:"otpa";i:-000;s:4:"otpb";d:0.0E+0;s:4:"otpc";d:INF;s:4:"otpd";i:0000000000000000000;}`},
		{"what says nothing", `a|a:3:{s:4:"otpa";b:1;s:4:"otpb";N;s:4:"otpc";E:3:"A:b";}`, `a|a:3:{s:4:"otpa";b:1;s:4:"otpb";N;s:4:"otpc";E:3:"A:b";}`},
		{"custom-serialized object", `a|C:3:"Foo":9:{password;}`, `a|C:3:"Foo":9:{*********}`},
		{"reference from a secret", `a|s:3:"abc";password|R:1;c|s:3:"abc";`, `a|s:3:"***";password|R:1;c|s:3:"abc";`},
		{"reference from a secret to an object", `a|` + object(`s:1:"x";s:3:"abc";`) + `token|a:1:{i:0;r:1;}`, `a|` + object(`s:1:"x";s:3:"***";`) + `token|a:1:{i:0;r:1;}`},
		{"reference from a secret to a reference", `a|` + object(`s:1:"x";s:3:"abc";`) + `b|r:1;token|r:3;`, `a|` + object(`s:1:"x";s:3:"***";`) + `b|r:1;token|r:3;`},
		{"secrets that lead backwards", `a|s:3:"abc";b|a:1:{i:0;R:1;}token|R:2;`, `a|s:3:"***";b|a:1:{i:0;R:1;}token|R:2;`},
		{"reference to a secret", `token|s:3:"abc";b|R:1;`, `token|s:3:"***";b|R:1;`},
		{"reference back into what holds it", `token|a:2:{i:0;s:3:"abc";i:1;R:1;}`, `token|a:2:{i:0;s:3:"***";i:1;R:1;}`},
		{"JSON", `a|` + phpString(`{"user":"u","password":"a\"bc\\","n":{"token":[1.5e3,"x",true,null]},"z":"token"}`),
			`a|` + phpString(`{"user":"u","password":"*******","n":{"token":[1.1e1,"*",true,null]},"z":"token"}`)},
		{"JSON list", `a|` + phpString(`[{"secret" : "abc"},{"a":1}]`), `a|` + phpString(`[{"secret" : "***"},{"a":1}]`)},
		{"JSON with an escaped name", `a|` + phpString(`{"p\u0061ssword":"abc"}`), `a|` + phpString(`{"p\u0061ssword":"***"}`)},
		{"not quite JSON", `a|` + phpString(`{"password":"abc"`), `a|` + phpString(strings.Repeat("*", 17))},
		{"not quite JSON, with an escape", `a|` + phpString(`{"p\u0061ss":"abc"`), `a|` + phpString(strings.Repeat("*", 18))},
		{"not JSON", `a|` + phpString(`[b]Hello[/b] {user}`), `a|` + phpString(`[b]Hello[/b] {user}`)},
		{"serialized in a string", `a|` + phpString(`a:1:{s:8:"password";s:3:"abc";}`), `a|` + phpString(`a:1:{s:8:"password";s:3:"***";}`)},
		{"serialized in a string in a string", `a|` + phpString(`a:1:{i:0;`+phpString(`O:1:"A":1:{s:5:"token";i:5;}`)+`}`), `a|` + phpString(`a:1:{i:0;`+phpString(`O:1:"A":1:{s:5:"token";i:0;}`)+`}`)},
		{"serialized in a string, masked", `a|s:37:"O:1:"A":1:{s:8:"\0\0\0token";s:3:"abc";}";`, `a|s:37:"O:1:"A":1:{s:8:"\0\0\0token";s:3:"***";}";`},
		{"serialized in a string before a reference", `a|` + phpString(`a:2:{s:5:"token";O:1:"A":1:{s:1:"x";i:5;}i:0;r:2;}`) + `b|O:1:"A":0:{}c|r:2;`,
			`a|` + phpString(`a:2:{s:5:"token";O:1:"A":1:{s:1:"x";i:0;}i:0;r:2;}`) + `b|O:1:"A":0:{}c|r:2;`},
		{"not quite serialized in a string", `a|` + phpString(`a:2:{s:8:"password";s:3:"abc";}`), `a|` + phpString(strings.Repeat("*", 31))},
		{"registry", variable("joomla", registry(`a:1:{s:5:"token";s:3:"abc";}`)), variable("joomla", registry(`a:1:{s:5:"token";s:3:"***";}`))},
		{"registry with php_serialize", `a:1:{` + phpString("joomla") + phpString(registry(`a:1:{s:5:"token";s:3:"abc";}`)) + `}`, `a:1:{` + phpString("joomla") + phpString(registry(`a:1:{s:5:"token";s:3:"***";}`)) + `}`},
		{"registry in a string with escapes", `joomla|` + escaped(registry(`a:1:{s:5:"token";s:3:"abc";}`)), `joomla|` + escaped(registry(`a:1:{s:5:"token";s:3:"***";}`))},
		{"variable joomla that is an enum", `joomla|E:4:"AB:C";`, `joomla|E:4:"AB:C";`},
		{"variable joomla that is an object's own text", `joomla|C:1:"A":4:{ABCD}`, `joomla|C:1:"A":4:{****}`},
		{"reference from a secret into what holds it", `a|a:2:{s:5:"token";R:1;s:1:"x";s:3:"abc";}`, `a|a:2:{s:5:"token";R:1;s:1:"x";s:3:"abc";}`},
		{"cards of VirtueMart 1 and redSHOP", `ccdata|a:2:{s:20:"order_payment_number";s:16:"4111111111111111";s:16:"credit_card_code";s:3:"987";}`,
			`ccdata|a:2:{s:20:"order_payment_number";s:16:"****************";s:16:"credit_card_code";s:3:"***";}`},
		{"cards of VirtueMart 3", `__vm|a:1:{s:4:"eway";s:82:"O:8:"stdClass":2:{s:9:"cc_number";s:16:"4111111111111111";s:6:"cc_cvv";s:3:"987";}";}`,
			`__vm|a:1:{s:4:"eway";s:82:"O:8:"stdClass":2:{s:9:"cc_number";s:16:"****************";s:6:"cc_cvv";s:3:"***";}";}`},
		{"cards of HikaShop", `x|a:2:{s:9:"cc_number";s:24:"NDExMTExMTExMTExMTExMQ==";s:6:"cc_CCV";s:4:"OTg3";}`,
			`x|a:2:{s:9:"cc_number";s:24:"************************";s:6:"cc_CCV";s:4:"****";}`},
		{"clients of OAuth", `oauth2pkceCode|s:8:"vvvvvvvv";code_verifier|s:8:"wwwwwwww";oauth2state|s:8:"ssssssss";`,
			`oauth2pkceCode|s:8:"********";code_verifier|s:8:"********";oauth2state|s:8:"********";`},
		{"second field of a password", `x|a:2:{s:5:"pass1";s:5:"aaaaa";s:5:"pass2";s:5:"aaaaa";}`, `x|a:2:{s:5:"pass1";s:5:"*****";s:5:"pass2";s:5:"*****";}`},
		{"nothing to mask", `a|i:1;b|s:5:"token";`, `a|i:1;b|s:5:"token";`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, string(mask(t, []byte(tt.data))))
		})
	}
}

// readableInTwoWays is, with the six characters as they are, the variables "a"
// and "b\";token"; as Joomla 3.4.6 reads it, "a" and "token".
const readableInTwoWays = `a|s:6:"\0\0\0";b";token|s:3:"abc";`

// hiddenInAnEnum is, with the six characters as they are, a string and an enum;
// as Joomla 3.4.6 reads it, three strings, one of them "token".
const hiddenInAnEnum = `a|s:24:"\0\0\0\0\0\0\0\0\0\0\0\0";bcc|E:26:"";token|s:3:"abc";c|s:1:"x";`

// TestMaskerLeavesOut checks that nothing is sent if it is unknown what is
// secret. TestMaskerBehindSpace masks nested texts behind whatever may precede
// them.
func TestMaskerBehindSpace(t *testing.T) {
	for _, before := range []string{" ", "\t", "\n", "\v", "\f", "\r", "\x00", "\ufeff", " \ufeff\n\ufeff"} {
		for nested, want := range map[string]string{
			`{"password":"abc"}`:              `{"password":"***"}`,
			`a:1:{s:8:"password";s:3:"abc";}`: `a:1:{s:8:"password";s:3:"***";}`,
		} {
			data := "a|" + phpString(before+nested)
			assert.Equal(t, "a|"+phpString(before+want), string(mask(t, []byte(data))), "%q", before)
		}
	}
}

func TestMaskerLeavesOut(t *testing.T) {
	chain := `a0|s:3:"abc";`
	for i := 1; i <= 12; i++ {
		chain += fmt.Sprintf(`a|a:1:{i:0;R:%d;}`, i)
	}
	tests := []struct{ name, data string }{
		{"malformed", `a|a:1:{s:8:"password";s:9:"abc";}`},
		{"malformed after the secret", `a|a:1:{s:8:"password";s:3:"abc";}x`},
		{"malformed registry", variable("joomla", registry(`a:1:{s:5:"token";s:3:"abc";`))},
		{"not base64", variable("joomla", "!abc")},
		{"registry of other bytes", variable("joomla", base64.StdEncoding.EncodeToString([]byte(`a:1:{s:5:"token";s:3:"abc";}`)))},
		{"registry by reference", `a|` + phpString(registry(`a:1:{s:5:"token";s:3:"abc";}`)) + `joomla|R:1;`},
		{"registry that is none, in a string with escapes", `joomla|S:4:"\41BCD";`},
		{"secrets that lead backwards too often", chain + `token|R:12;`},
		{"readable in two ways", readableInTwoWays},
		{"readable in two ways, with a secret in one", hiddenInAnEnum},
		{"readable in two ways once a secret is overwritten", `token|s:6:"\0\0\0";` + hiddenInAnEnum},
		{"the contract's blanked example", `__default|a:1:{s:4:"user";O:5:"JUser":1:{s:8:"password";s:60:"******************************";}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Nil(t, joomla.NewMasker().Mask([]byte(tt.data)))
		})
	}
	t.Run("null and empty stay", func(t *testing.T) {
		assert.Nil(t, joomla.NewMasker().Mask(nil))
		assert.Equal(t, []byte{}, joomla.NewMasker().Mask([]byte{}))
	})
}

func TestMaskerConcurrently(t *testing.T) {
	masker := joomla.NewMasker()
	var group sync.WaitGroup
	for i := range 8 {
		group.Add(1)
		go func() {
			defer group.Done()
			for j := range 100 {
				secret := fmt.Sprintf("%d/%d", i, j)
				got := masker.Mask([]byte(variable("joomla", registry(`a:2:{s:5:"token";`+phpString(secret)+`s:1:"x";i:5;}`))))
				decoded, _, err := joomla.Decode(got)
				assert.NoError(t, err)
				assert.Equal(t, map[string]any{"token": strings.Repeat("*", len(secret)), "x": int64(5)}, decoded)
			}
		}()
	}
	group.Wait()
}

// Names of secrets that were seen in extensions and clients of single sign-on.
func TestMaskerNamesOfOthers(t *testing.T) {
	text := `__default|a:5:{s:6:"phpCAS";a:2:{s:3:"pgt";s:7:"PGT-1-x";s:15:"service_cookies";a:1:{i:0;a:1:{s:5:"value";s:1:"x";}}}` +
		`s:11:"contraseña";s:1:"x";s:10:"connection";a:1:{s:7:"fb_code";s:1:"x";}` +
		`s:19:"__com_breezingforms";a:1:{s:13:"secure_ticket";s:1:"x";}s:21:"securimage_code_value";s:1:"x";}`
	masked := string(joomla.NewMasker().Mask([]byte(text)))
	assert.Equal(t, strings.ReplaceAll(strings.ReplaceAll(text, `"x"`, `"*"`), "PGT-1-x", "*******"), masked)
}
