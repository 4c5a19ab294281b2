package joomla_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi/internal/joomla"
	"github.com/capi-go/capi/internal/joomlatest"
)

// standard is a serialized stdClass of names and values, which are serialized.
func standard(members ...string) string { return object("stdClass", members...) }

// object is a serialized object of names and values, which are serialized.
func object(class string, members ...string) string {
	text := fmt.Sprintf(`O:%d:"%s":%d:{`, len(class), class, len(members)/2)
	for i := 0; i < len(members); i += 2 {
		text += phpString(members[i]) + members[i+1]
	}
	return text + "}"
}

const (
	counted = `O:8:"stdClass":2:{s:7:"counter";i:3;s:5:"timer";O:8:"stdClass":1:{s:3:"now";i:1000;}}`
	user7   = `O:20:"Joomla\CMS\User\User":1:{s:2:"id";i:7;}`
	jUser7  = `O:5:"JUser":1:{s:2:"id";i:7;}`
)

// session4 is the text of a session as Joomla 4 and later writes it, session3
// as Joomla 3 since 3.4.7 does.
func session4(members ...string) string {
	return variable("joomla", registry(standard(append([]string{"session", counted}, members...)...)))
}

func session3(members ...string) string {
	return variable("joomla", registry(standard("__default", standard(append([]string{"session", counted}, members...)...))))
}

func TestReadLogin(t *testing.T) {
	type expected struct {
		user  int64
		error bool
	}
	guest, seven, failed := expected{}, expected{user: 7}, expected{error: true}
	id := func(id string) string { return `O:20:"Joomla\CMS\User\User":1:{s:2:"id";` + id + `}` }
	reg := func(s string) string { return variable("joomla", registry(s)) }
	whole := func(serialized string) string {
		return variable("joomla", base64.StdEncoding.EncodeToString([]byte(serialized)))
	}
	separated := func(s string) string {
		return whole(`O:24:"Joomla\Registry\Registry":2:{s:4:"data";` + standard("session", counted, "user", user7) + `s:9:"separator";` + s + `}`)
	}
	for _, tt := range []struct {
		name, text           string
		three, four, unknown expected
	}{
		{"empty", ``, guest, guest, guest},
		{"4 and later", session4("user", user7), guest, seven, failed},
		{"3", session3("user", user7), seven, seven, seven},
		{"3 with its own class", session3("user", jUser7), seven, failed, failed},
		{"3 upgraded, another user since", reg(standard("__default", standard("session", counted, "user", id(`i:8;`)), "session", counted, "user", user7)),
			expected{user: 8}, seven, failed},
		{"3 upgraded, no login since", reg(standard("__default", standard("session", counted, "user", user7), "session", counted)), seven, seven, seven},
		{"3 upgraded, counter in a namespace of its name", reg(standard("__default", standard("user", user7), "__session", counted)), guest, seven, failed},
		{"no counter", reg(standard("user", user7, "session", standard("timer", standard("now", "i:1000;")))), guest, guest, guest},
		{"counter of 0", reg(standard("user", user7, "session", standard("counter", "i:0;", "timer", standard("now", "i:1000;")))), guest, guest, guest},
		{"counter that is null", reg(standard("user", user7, "session", standard("counter", "N;", "timer", standard("now", "i:1000;")))), guest, guest, guest},
		{"no time", reg(standard("user", user7, "session", standard("counter", "i:3;"))), guest, guest, guest},
		{"time that is an array", reg(standard("user", user7, "session", standard("counter", "i:3;", "timer", standard("now", "a:1:{i:0;i:1;}")))), guest, guest, guest},
		{"session in an object out of reach", reg(standard("user", user7, "session", object("ArrayObject", "counter", "i:3;", "timer", standard("now", "i:1000;")))), guest, guest, guest},
		{"protected names in a stdClass", reg(standard("session", counted, "\x00*\x00user", user7)), guest, guest, guest},
		{"id of another class", session4("user", "O:20:\"Joomla\\CMS\\User\\User\":1:{s:9:\"\x00Other\x00id\";i:7;}"), guest, guest, guest},
		{"id twice, the last of another class", session4("user", "O:20:\"Joomla\\CMS\\User\\User\":2:{s:2:\"id\";i:7;s:9:\"\x00Other\x00id\";i:8;}"), guest, seven, failed},
		{"id with junk", session4("user", id(`s:3:"7ab";`)), guest, seven, failed},
		{"id that is true", session4("user", id(`b:1;`)), guest, guest, guest},
		{"id that is an array", session4("user", id(`a:1:{i:0;i:7;}`)), guest, guest, guest},
		{"id of no number", session4("user", id(`s:1:"x";`)), guest, guest, guest},
		{"id as an escaped string", session4("user", id(`S:1:"\37";`)), guest, seven, failed},
		{"id under an escaped name", session4("user", `O:20:"Joomla\CMS\User\User":1:{S:2:"\69d";i:7;}`), guest, seven, failed},
		{"user that is empty", session4("user", `s:0:"";`), guest, guest, guest},
		{"user that is null, with one in the namespace", reg(standard("__default", standard("session", counted, "user", user7), "session", counted, "user", "N;")), seven, seven, seven},
		{"user that is empty, with one in the namespace", reg(standard("__default", standard("session", counted, "user", user7), "session", counted, "user", `s:0:"";`)), seven, guest, failed},
		{"data that is an array", reg(`a:2:{s:7:"session";` + counted + `s:4:"user";` + user7 + `}`), guest, guest, guest},
		{"data that is null", reg(`N;`), guest, guest, guest},
		{"no data", whole(`O:24:"Joomla\Registry\Registry":0:{}`), failed, failed, failed},
		{"another separator", separated(`s:1:"/";`), failed, failed, failed},
		{"a separator that is none", separated(`i:1;`), failed, failed, failed},
		{"the separator", separated(`s:1:".";`), guest, seven, failed},
		{"a Registry of 3", whole(`O:9:"JRegistry":1:{s:4:"data";` + standard("__default", standard("session", counted, "user", jUser7)) + `}`), seven, failed, failed},
		{"no Registry", whole(`i:1;`), failed, failed, failed},
		{"cut", whole(`O:24:"Joomla\Registry\Registry":1:{s:4:"data";`), failed, failed, failed},
		{"an enumeration", session4("user", user7, "x", `E:11:"Suit:Hearts";`), failed, failed, failed},
		{"a variable of another program", "x|i:1;" + session3("user", user7), seven, seven, seven},
		{"another program's user", `user|` + user7 + `session|` + counted, guest, guest, guest},
		{"a variable that is cut", session3("user", user7) + "x|i:1", failed, failed, failed},
		{"junk behind", session3("user", user7) + "x", failed, failed, failed},
		{"joomla that is an array", "joomla|a:1:{i:0;i:1;}__default|a:3:{s:15:\"session.counter\";i:3;s:17:\"session.timer.now\";i:1000;s:4:\"user\";" + user7 + "}", failed, failed, failed},
		{"joomla that is empty", "joomla|s:0:\"\";__default|a:3:{s:15:\"session.counter\";i:3;s:17:\"session.timer.now\";i:1000;s:4:\"user\";" + user7 + "}", seven, guest, failed},
		{"before 3.4.7, NUL escaped", "__default|a:3:{s:15:\"session.counter\";i:3;s:17:\"session.timer.now\";i:1000;s:4:\"user\";O:5:\"JUser\":2:{s:9:\"\\0\\0\\0isRoot\";b:1;s:2:\"id\";i:7;}}", seven, failed, failed},
		{"user by r:", session4("x", user7, "user", "r:7;"), guest, seven, failed},
		{"user by R:", session4("x", user7, "user", "R:7;"), guest, seven, failed},
		{"id by R:", session4("x", "i:7;", "user", id("R:7;")), guest, seven, failed},
		{"user by a reference to a reference", session4("x", user7, "y", "r:7;", "user", "r:9;"), guest, seven, failed},
		{"user by a reference to no object", session4("x", "i:7;", "user", "r:7;"), failed, failed, failed},
		{"a reference to what is not there", session4("user", user7, "x", "R:99;"), failed, failed, failed},
		{"a reference to what holds it", session4("user", "R:2;"), guest, failed, failed},
		{"an object of its own format", session4("x", `C:11:"ArrayObject":29:{x:i:0;a:1:{i:0;i:1;};m:a:0:{}}`, "user", user7), failed, failed, failed},
		{"doubled user", session4("user", id(`i:8;`), "user", user7), guest, seven, failed},
		{"deeper names", session4("user", `O:20:"Joomla\CMS\User\User":2:{s:2:"id";i:7;s:1:"x";a:1:{s:2:"id";i:8;}}`, "x", id(`i:9;`)), guest, seven, failed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for version, want := range map[joomla.Version]expected{
				joomla.Joomla3: tt.three, joomla.Joomla4: tt.four, joomla.UnknownVersion: tt.unknown,
			} {
				login, err := joomla.ReadLogin([]byte(tt.text), joomla.SessionFormat{Version: version, Table: true})
				if version == joomla.UnknownVersion { // A refusal either way.
					want.error = err != nil
				}
				assert.Equal(t, want, expected{login.UserID, err != nil}, "version %d: %v", version, err)
			}
		})
	}
}

func TestReadLoginSerializeHandler(t *testing.T) {
	php := session4("user", user7)
	serialized := "a:1:{" + phpString("joomla") + phpString(registry(standard("session", counted, "user", user7))) + "}"
	for _, whole := range []bool{false, true} {
		format := joomla.SessionFormat{Version: joomla.Joomla4, PHPSerialize: whole}
		_, err := joomla.ReadLogin([]byte(php), format)
		assert.Equal(t, whole, err != nil)
		_, err = joomla.ReadLogin([]byte(serialized), format)
		assert.Equal(t, !whole, err != nil)
	}
}

func TestReadLoginSecondFactor(t *testing.T) {
	for value, want := range map[string]joomla.Flag{
		"i:1;": joomla.One, `s:1:"1";`: joomla.One, `s:5:" 1.0 ";`: joomla.One, "d:1;": joomla.One, "b:1;": joomla.One,
		"i:0;": joomla.Zero, "b:0;": joomla.Zero, "N;": joomla.Absent, `s:0:"";`: joomla.Absent,
		"i:2;": joomla.Other, `s:2:"1x";`: joomla.Other, "d:NAN;": joomla.Other, "a:1:{i:0;i:1;}": joomla.Other,
	} {
		login, err := joomla.ReadLogin([]byte(session4("user", user7, "com_users", standard("mfa_checked", value, "mandatory_mfa_setup", value))),
			joomla.SessionFormat{Version: joomla.Joomla4})
		require.NoError(t, err, value)
		assert.Equal(t, joomla.Login{UserID: 7, MFAChecked: want, MandatoryMFASetup: want, Now: 1000}, login, value)
	}
}

// TestReadLoginRecorded compares sessions of real sites with their rows.
func TestReadLoginRecorded(t *testing.T) {
	seen := 0
	for _, site := range joomlatest.Recordings() {
		for _, row := range joomlatest.Recorded(site).Tables["session"] {
			text, ok := row["data"].(string)
			if !ok {
				continue
			}
			login, err := joomla.ReadLogin([]byte(text), joomla.SessionFormat{Version: versionOf(site), Table: true})
			require.NoError(t, err, site)
			assert.Equal(t, row["userid"], strconv.FormatInt(login.UserID, 10), site)
			seen++
		}
	}
	assert.Greater(t, seen, 80)
}

// TestReadLoginForged reads a text with two strings that a visitor wrote into a
// form of an extension. If \0\0\0 is read as three characters, the first string
// ends inside the second.
func TestReadLoginForged(t *testing.T) {
	const count = 60
	first := variable("a", strings.Repeat(`\0\0\0`, count))
	forged := session3("user", user7)
	pad := strings.Repeat("x", 3*count-len(`";b|s:100:"`))
	text := []byte(first + variable("b", pad+`";`+forged+`z|s:0:"`))
	for _, format := range []joomla.SessionFormat{
		{Version: joomla.Joomla4, Table: true}, {Version: joomla.UnknownVersion, Table: true}, {Version: joomla.Joomla3},
	} {
		login, err := joomla.ReadLogin(text, format)
		assert.True(t, err != nil || login.UserID == 0)
	}
	// Joomla 3 itself lets that visitor in.
	login, err := joomla.ReadLogin(text, joomla.SessionFormat{Version: joomla.Joomla3, Table: true})
	require.NoError(t, err)
	assert.EqualValues(t, 7, login.UserID, "the text fails to be what it is about")
}

func versionOf(site string) joomla.Version {
	if site == "j3" {
		return joomla.Joomla3
	}
	return joomla.Joomla4
}

func BenchmarkReadLogin(b *testing.B) {
	rows := joomlatest.Recorded("j5").Tables["session"]
	row := rows[slices.IndexFunc(rows, func(row joomlatest.Row) bool { return row["data"] != nil && row["userid"] != "0" })]
	for name, data := range map[string][]byte{
		"recorded": []byte(row["data"].(string)),
		"long":     []byte(session4("x", "a:1:{i:0;"+phpString(strings.Repeat("x", 100_000))+"}", "user", user7)),
	} {
		b.Run("text="+name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := joomla.ReadLogin(data, joomla.SessionFormat{Version: joomla.Joomla4, Table: true}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
