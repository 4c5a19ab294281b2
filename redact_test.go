package capi_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

// maskSecrets masks data and holds what always holds: the input is left alone, and the result is of the same length,
// decodes, and stays as it is when masked again.
func maskSecrets(t testing.TB, data capi.Payload) capi.Payload {
	t.Helper()
	mask := capi.MaskSecrets()
	before := bytes.Clone(data)
	got := mask(capi.Session{Data: data}).Data
	require.Equal(t, before, []byte(data), "the store's memory was written to")
	if got == nil {
		return nil
	}
	require.Len(t, got, len(data))
	_, err := got.Decode()
	require.NoError(t, err)
	require.Equal(t, got, mask(capi.Session{Data: got}).Data, "masked again")
	return got
}

func TestMaskSecretsVectors(t *testing.T) {
	// What is secret in the vectors, and the only thing that may change.
	secrets := []string{
		"$2y$10$abcdefghijklmnopqrstuuA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6", "JBSWY3DPEHPK3PXP", "809d4580aaed41565abc38d58f77f840",
		"83f1535f99ab0bf4e9d02dfd85d3e3f7", "f1290186a5d0b1ceab27f4e77c0c5d68", "9dd4e461268c8034f5c8564e155c67a6",
		`"otep": "x"`, `"secretNote": "priv"`, "raw;}data",
	}
	masked := 0
	for _, vector := range payloadVectors(t) {
		t.Run(vector.Name, func(t *testing.T) {
			got := maskSecrets(t, capi.Payload(vector.Stored))
			if vector.Error {
				require.Nil(t, got)
				return
			}
			want := string(vector.Decoded)
			for _, secret := range secrets {
				name, value, ok := strings.Cut(secret, `": "`)
				if !ok {
					name, value = "", secret
				}
				if !strings.Contains(string(vector.Stored), value) && !strings.Contains(string(unbase64(vector.Stored)), value) {
					continue
				}
				masked++
				stars := strings.Repeat("*", len(strings.TrimSuffix(value, `"`)))
				if ok {
					want = strings.ReplaceAll(want, secret, name+`": "`+stars+`"`)
				} else {
					want = strings.ReplaceAll(want, secret, stars)
				}
				if !ok {
					assert.NotContains(t, string(got), value)
					assert.NotContains(t, string(unbase64(got)), value)
				}
			}
			decoded, err := got.Decode()
			require.NoError(t, err)
			assert.Equal(t, typed(t, []byte(want)), any(decoded))
		})
	}
	assert.Greater(t, masked, 15)
}

// unbase64 returns the serialized Registry in a payload of Joomla 3.4.7 and later, or nil.
func unbase64(data []byte) []byte {
	_, text, _ := bytes.Cut(data, []byte(`:"`))
	inner, err := base64.StdEncoding.DecodeString(strings.TrimRight(string(text), `";`))
	if err != nil {
		return nil
	}
	return inner
}

func TestMaskSecretsJoomlaRows(t *testing.T) {
	for name, data := range joomlaPayloads(t) {
		t.Run(name, func(t *testing.T) {
			// These hold no secret yet, so nothing may change.
			assert.Equal(t, data, maskSecrets(t, data))
			if len(data) == 0 {
				return
			}
			// The same rows with what a login and a profile form leave behind.
			inner := unbase64(data)
			require.NotEmpty(t, inner)
			user := `s:4:"user";O:20:"Joomla\CMS\User\User":1:{`
			require.Contains(t, string(inner), user)
			secret := "$2y$10$0123456789012345678901234567890123456789012345678901"
			rich := strings.Replace(string(inner), user,
				`s:5:"token";s:32:"0123456789abcdef0123456789abcdef";`+strings.Replace(user, ":1:{", ":2:{", 1)+`s:8:"password";`+phpString(secret), 1)
			rich = strings.Replace(rich, `O:8:"stdClass":3:{s:7:"session"`, `O:8:"stdClass":4:{s:7:"session"`, 1)
			rich = variable("joomla", base64.StdEncoding.EncodeToString([]byte(rich)))
			got := maskSecrets(t, capi.Payload(rich))
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

func TestMaskSecrets(t *testing.T) {
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
		{"not quite JSON", `a|` + phpString(`{"password":"abc"`), `a|` + phpString(`{"password":"abc"`)},
		{"serialized in a string", `a|` + phpString(`a:1:{s:8:"password";s:3:"abc";}`), `a|` + phpString(`a:1:{s:8:"password";s:3:"***";}`)},
		{"serialized in a string in a string", `a|` + phpString(`a:1:{i:0;`+phpString(`O:1:"A":1:{s:5:"token";i:5;}`)+`}`), `a|` + phpString(`a:1:{i:0;`+phpString(`O:1:"A":1:{s:5:"token";i:0;}`)+`}`)},
		{"serialized in a string, masked", `a|s:37:"O:1:"A":1:{s:8:"\0\0\0token";s:3:"abc";}";`, `a|s:37:"O:1:"A":1:{s:8:"\0\0\0token";s:3:"***";}";`},
		{"serialized in a string before a reference", `a|` + phpString(`a:2:{s:5:"token";O:1:"A":1:{s:1:"x";i:5;}i:0;r:2;}`) + `b|O:1:"A":0:{}c|r:2;`,
			`a|` + phpString(`a:2:{s:5:"token";O:1:"A":1:{s:1:"x";i:0;}i:0;r:2;}`) + `b|O:1:"A":0:{}c|r:2;`},
		{"not quite serialized in a string", `a|` + phpString(`a:2:{s:8:"password";s:3:"abc";}`), `a|` + phpString(`a:2:{s:8:"password";s:3:"abc";}`)},
		{"registry", variable("joomla", registry(`a:1:{s:5:"token";s:3:"abc";}`)), variable("joomla", registry(`a:1:{s:5:"token";s:3:"***";}`))},
		{"registry with php_serialize", `a:1:{` + phpString("joomla") + phpString(registry(`a:1:{s:5:"token";s:3:"abc";}`)) + `}`, `a:1:{` + phpString("joomla") + phpString(registry(`a:1:{s:5:"token";s:3:"***";}`)) + `}`},
		{"nothing to mask", `a|i:1;b|s:5:"token";`, `a|i:1;b|s:5:"token";`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, string(maskSecrets(t, capi.Payload(tt.data))))
		})
	}
}

func TestMaskSecretsNames(t *testing.T) {
	mask := func(name string) string {
		got := maskSecrets(t, capi.Payload(`a|a:1:{`+phpString(name)+`s:3:"abc";}`))
		return string(got[len(got)-6 : len(got)-3])
	}
	for _, name := range strings.Fields(`password password_clear password1 Passwd pwd passphrase passcode token session.token csrf.token joomlatoken
		secret client_secret secretNote passwordHash hash salt nonce csrf otpKey otep otp totp one_time_otp twofactor apikey api_key API-Key
		access_key authkey private_key activation backup_codes recoveryCodes security_code verificationCode emailcode credentials Authorization
		bearer jwt session_id sessionId download_id downloadkey dlid smtppass ftp_pass proxy_pass redis_server_auth`) {
		assert.Equal(t, "***", mask(name), name)
	}
	for _, name := range strings.Fields(`id name username email params groups guest requireReset resetCount lastResetTime registerDate sendEmail
		counter start last now browser lang key note authority passage compassion o t p`) {
		assert.Equal(t, "abc", mask(name), name)
	}
	assert.Equal(t, "abc", mask(""))
	assert.Equal(t, "***", mask(strings.Repeat("x", 200)+"token"))
}

// readableInTwoWays is, with the six characters as they are, the variables "a" and "b\";token"; as Joomla 3.4.6 reads it,
// "a" and "token".
const readableInTwoWays = `a|s:6:"\0\0\0";b";token|s:3:"abc";`

// TestMaskSecretsLeavesOut holds that where it cannot be told what is secret, nothing gets out.
func TestMaskSecretsLeavesOut(t *testing.T) {
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
		{"registry as an enum", `joomla|E:4:"AB:C";`},
		{"registry as a body of its own", `joomla|C:1:"A":4:{ABCD}`},
		{"registry as an escaped string", `joomla|S:4:"\41BCD";`},
		{"secrets that lead backwards too often", chain + `token|R:12;`},
		{"readable in two ways", readableInTwoWays},
		{"the contract's blanked example", `__default|a:1:{s:4:"user";O:5:"JUser":1:{s:8:"password";s:60:"******************************";}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Nil(t, capi.MaskSecrets()(capi.Session{Data: capi.Payload(tt.data)}).Data)
		})
	}
	t.Run("null and empty stay", func(t *testing.T) {
		assert.Nil(t, capi.MaskSecrets()(capi.Session{}).Data)
		assert.Equal(t, capi.Payload{}, capi.MaskSecrets()(capi.Session{Data: capi.Payload{}}).Data)
	})
}

// TestMaskSecretsSearchesOnce holds that strings in strings are searched once, however many passes references make it take
// to find the secrets around them.
func TestMaskSecretsSearchesOnce(t *testing.T) {
	const elements = 100_000
	nested := func(references bool) capi.Payload {
		text := fmt.Sprintf("a:%d:{", elements) + strings.Repeat("i:0;N;", elements) + "}"
		for range 2 {
			var b strings.Builder
			b.WriteString(`a:9:{i:0;` + phpString(text) + `i:1;O:1:"A":0:{}`)
			for i := 2; i < 8; i++ {
				if references {
					fmt.Fprintf(&b, `i:%d;a:1:{i:0;R:%d;}`, i, i+1)
				} else {
					fmt.Fprintf(&b, `i:%d;a:1:{i:0;i:%d;}`, i, i+1)
				}
			}
			if references {
				b.WriteString(`s:5:"token";R:9;}`)
			} else {
				b.WriteString(`s:5:"token";i:9;}`)
			}
			text = b.String()
		}
		return capi.Payload(variable("a", text))
	}
	fastest := func(data capi.Payload) time.Duration {
		best := time.Hour
		for range 3 {
			start := time.Now()
			require.NotNil(t, capi.MaskSecrets()(capi.Session{Data: data}).Data)
			best = min(best, time.Since(start))
		}
		return best
	}
	// A search for each pass would take some eighty times as long.
	assert.Less(t, fastest(nested(true)), 15*fastest(nested(false)))
}

func TestMaskSecretsConcurrently(t *testing.T) {
	mask := capi.MaskSecrets()
	var group sync.WaitGroup
	for i := range 8 {
		group.Add(1)
		go func() {
			defer group.Done()
			for j := range 100 {
				secret := fmt.Sprintf("%d/%d", i, j)
				got := mask(capi.Session{Data: capi.Payload(variable("joomla", registry(`a:2:{s:5:"token";`+phpString(secret)+`s:1:"x";i:5;}`)))}).Data
				decoded, err := got.Decode()
				assert.NoError(t, err)
				assert.Equal(t, map[string]any{"token": strings.Repeat("*", len(secret)), "x": int64(5)}, decoded)
			}
		}()
	}
	group.Wait()
}

func TestMaskSecretsChangesDataAlone(t *testing.T) {
	s := capi.Session{ID: "id", ClientID: 1, Time: time.Unix(5, 0), Data: capi.Payload(`token|s:1:"x";`), UserID: 7, Username: "u"}
	got := capi.MaskSecrets()(s)
	assert.Equal(t, capi.Payload(`token|s:1:"*";`), got.Data)
	got.Data = s.Data
	assert.Equal(t, s, got)
}

func TestOmitData(t *testing.T) {
	s := capi.Session{ID: "id", Data: capi.Payload("x"), UserID: 7}
	got := capi.OmitData()(s)
	assert.Equal(t, capi.Session{ID: "id", UserID: 7}, got)
	text, err := json.Marshal(got)
	require.NoError(t, err)
	assert.Contains(t, string(text), `"data":null`)
}

func TestPseudonymizeIDs(t *testing.T) {
	key := []byte("0123456789abcdef")
	redact, err := capi.PseudonymizeIDs(key)
	require.NoError(t, err)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("rs25pp9sf26tn56po0gnu2qdq4"))
	want := hex.EncodeToString(mac.Sum(nil))
	clear(key) // the caller's to reuse
	s := capi.Session{ID: "rs25pp9sf26tn56po0gnu2qdq4", UserID: 7, Data: capi.Payload("a|N;")}
	for range 2 {
		assert.Equal(t, capi.Session{ID: want, UserID: 7, Data: s.Data}, redact(s))
	}
	assert.NotEqual(t, want, redact(capi.Session{ID: "rs25pp9sf26tn56po0gnu2qdq5"}).ID)
	other, err := capi.PseudonymizeIDs([]byte("0123456789abcdeg"))
	require.NoError(t, err)
	assert.NotEqual(t, want, other(s).ID)

	for n := range 16 {
		redact, err := capi.PseudonymizeIDs(make([]byte, n))
		require.ErrorIs(t, err, capi.ErrWeakKey)
		assert.Nil(t, redact)
	}
}

func TestRedact(t *testing.T) {
	add := func(s string) capi.Redaction {
		return func(session capi.Session) capi.Session {
			session.Username += s
			return session
		}
	}
	rs := []capi.Redaction{add("a"), nil, add("b")}
	redact := capi.Redact(rs...)
	rs[0] = nil
	assert.Equal(t, "ab", redact(capi.Session{}).Username)
	assert.Equal(t, capi.Session{ID: "x"}, capi.Redact()(capi.Session{ID: "x"}))
	assert.Nil(t, capi.Redact(capi.MaskSecrets(), capi.OmitData())(capi.Session{Data: capi.Payload("a|N;")}).Data)
}
