package joomla_test

import (
	"encoding/base64"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi/internal/joomla"
	"github.com/capi-go/capi/internal/joomlatest"
	"github.com/capi-go/capi/internal/phpjson"
	"github.com/capi-go/capi/internal/phptest"
)

// identities are those of user 42, in group 8, a child of 1, which exists, and
// in 0, which does not.
var identities = []int64{-42, 8, 1, 0}

// nestedRules returns rules that grant core.admin behind a value n deep.
func nestedRules(n int) string {
	return `{"x":` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + `,"core.admin":{"8":1}}`
}

var rules = map[string]bool{
	`{"core.admin":{"8":1}}`: true, ` { "core.admin" : { "8" : 1 } } `: true, `{"core.admin":{"1":1}}`: true,
	`{"core.admin":{"-42":1}}`: true,
	`{"core.admin":{"7":1}}`:   false, `{"core.admin":{"42":1}}`: false, `{"core.admin":{"-8":1}}`: false,
	`{"core.admin":{"0":1}}`: true,
	`{"core.admin":{"8":0}}`: false, `{"core.admin":{"8":1,"7":0}}`: true, `{"core.admin":{"8":1,"1":0}}`: false,
	`{"core.admin":{"8":0,"1":1}}`:   false,
	`{"core.admin":{"8":1,"-42":0}}`: false, `{"core.admin":{"-42":1,"8":0}}`: false,
	`{"core.admin":{"8":1,"42":0}}`: true,

	// Of repeated keys, the last counts.
	`{"core.admin":{"8":0,"8":1}}`: true, `{"core.admin":{"8":1,"8":0}}`: false,
	`{"core.admin":{"8":0},"core.admin":{"8":1}}`: true,
	`{"core.admin":{"8":1},"core.admin":{}}`:      false, `{"core.admin":{"8":1},"core.admin":0}`: false,
	`{"core.admin":0,"core\u002eadmin":{"8":1}}`: true,

	// Values.
	`{"core.admin":{"8":true}}`: true, `{"core.admin":{"8":"1"}}`: true, `{"core.admin":{"8":"true"}}`: true,
	`{"core.admin":{"8":" "}}`:   true,
	`{"core.admin":{"8":"0.0"}}`: true, `{"core.admin":{"8":2}}`: true, `{"core.admin":{"8":-1}}`: true,
	`{"core.admin":{"8":0.5}}`:   true,
	`{"core.admin":{"8":1e999}}`: true, `{"core.admin":{"8":[1]}}`: true, `{"core.admin":{"8":[0]}}`: true,
	`{"core.admin":{"8":{"1":0}}}`:     true,
	`{"core.admin":{"8":false,"1":1}}`: false, `{"core.admin":{"8":"0","1":1}}`: false,
	`{"core.admin":{"8":"","1":1}}`:   false,
	`{"core.admin":{"8":null,"1":1}}`: false, `{"core.admin":{"8":0.0,"1":1}}`: false,
	`{"core.admin":{"8":-0,"1":1}}`:   false,
	`{"core.admin":{"8":-0.0,"1":1}}`: false, `{"core.admin":{"8":[],"1":1}}`: false,
	`{"core.admin":{"8":{},"1":1}}`:     false,
	`{"core.admin":{"8":1e-999,"1":1}}`: false,

	// Keys that are not integers grant nothing, and deny the group that (int)
	// turns them into.
	`{"core.admin":{"8":1," 39":1,"x":1}}`: true, `{"core.admin":{"":1,"8":1}}`: true,
	`{"core.admin":{"eight":1,"8":1}}`:                true,
	`{"core.admin":{"99999999999999999999":1,"8":1}}`: true, `{"core.admin":{"08":1}}`: false,
	`{"core.admin":{" 8":1}}`: false,
	`{"core.admin":{"8 ":1}}`: false, `{"core.admin":{"+8":1}}`: false, `{"core.admin":{"8.0":1}}`: false,
	`{"core.admin":{"8x":1}}`: false,
	`{"core.admin":{"-0":1}}`: false, `{"core.admin":{"":1}}`: false, `{"core.admin":{"x":1}}`: false,
	`{"core.admin":{"８":1}}`:        false,
	`{"core.admin":{"8":1,"08":0}}`: false, `{"core.admin":{"8":1," \n\u000b8":0}}`: false,
	`{"core.admin":{"8":1,"\u00008":0}}`: false, `{"core.admin":{"8":1,"\u00a07":0}}`: false,
	`{"core.admin":{"8":1,"8x":0}}`: false, `{"core.admin":{"8":1,"8.9":0}}`: false,
	`{"core.admin":{"8":1,".8e1":0}}`: false, `{"core.admin":{"8":1,"+8.e":0}}`: false,
	`{"core.admin":{"8":1,"80e-1z":0}}`: false,
	`{"core.admin":{"8":1,"x":0}}`:      false, `{"core.admin":{"8":1,"-0":0}}`: false,
	`{"core.admin":{"8":1,"1e999":0}}`: false,
	`{"core.admin":{"8":1,"1e99":0}}`:  true, `{"core.admin":{"8":1,"0x8":0}}`: false,
	`{"core.admin":{"8":1,"-42.0":0}}`: false,

	// Lists are objects with the keys 0, 1, 2 …
	`{"core.admin":[1]}`: true, `{"core.admin":[0,0,0,0,0,0,0,0,1]}`: false, `{"core.admin":[1,1,0,0,0,0,0,0,1]}`: true,
	`{"core.admin":[1,1,0,0,0,0,0,0,0]}`: false, `{"core.admin":[]}`: false, `{"core.admin":[ ]}`: false,

	// Neither an action nor rules.
	`{"core.admin":{}}`: false, `{"core.admin":null}`: false, `{"core.admin":8}`: false, `{"core.admin":true}`: false,
	`{"core.admin":"8"}`:         false,
	`{"core.admin":"{\"8\":1}"}`: false, `{"core.login.admin":{"8":1},"core.manage":{"8":1}}`: false,
	`{"Core.Admin":{"8":1},"core.admin ":{"8":1}}`:    false,
	`{"core.manage":"whatever","core.admin":{"8":1}}`: true, `{}`: false, `[]`: false, `[[]]`: false,
	`[{"core.admin":{"8":1}}]`: false, `null`: false,
	`"core.admin"`: false, `1`: false, `true`: false,

	// Refused by json_decode.
	``: false, " \n": false, `x`: false, `{`: false, `{"core.admin":{"8":1}`: false, `{"core.admin":{"8":1}}}`: false,
	`{"core.admin":{"8":1}}x`: false,
	`{"core.admin":{"8":1},}`: false, "{\"core.admin\":{\"8\":1}}\x00": false,
	"{\"core.admin\":{\"8\":1},\"\xff\":1}": false,
	`{'core.admin':{'8':1}}`:                false, `{"core.admin":{"8":TRUE}}`: false,
	`a:1:{s:10:"core.admin";a:1:{i:8;i:1;}}`: false,
	`{"x":"\ud800","core.admin":{"8":1}}`:    false, `{"x":"\ud83d\ude00","core.admin":{"8":1}}`: true,
	nestedRules(511): true, nestedRules(512): false,
}

func TestCoreAdmin(t *testing.T) {
	for rules, want := range rules {
		assert.Equal(t, want, coreAdmin(rules, identities), rules)
		assert.False(t, coreAdmin(rules, nil), rules)
	}
	// The same list, without the groups that it denies.
	assert.True(t, coreAdmin(`{"core.admin":[0,0,0,0,0,0,0,0,1]}`, []int64{-42, 8}))
}

// model is a second implementation, with the maps of Joomla's Rule.
func model(rules string, identities []int64) bool {
	value, _ := phpjson.Decode(rules)
	actions, _ := value.(map[string]any)
	allows, _ := actions["core.admin"].(map[string]any)
	list, _ := actions["core.admin"].([]any)
	granted, denied := map[int64]bool{}, map[int64]bool{}
	add := func(key string, identity int64, allow any) {
		switch allow {
		case nil, false, "", "0", int64(0), 0.0:
			denied[identity] = true
		default:
			a, isList := allow.([]any)
			o, isObject := allow.(map[string]any)
			if isList && len(a) == 0 || isObject && len(o) == 0 {
				denied[identity] = true
			} else if key == strconv.FormatInt(identity, 10) {
				granted[identity] = true
			}
		}
	}
	for key, allow := range allows {
		add(key, cast(key), allow)
	}
	for i, allow := range list {
		add(strconv.Itoa(i), int64(i), allow)
	}
	return slices.ContainsFunc(identities, func(i int64) bool { return granted[i] }) &&
		!slices.ContainsFunc(identities, func(i int64) bool { return denied[i] })
}

// cast is PHP's (int): the longest prefix of key that is a number.
func cast(key string) int64 {
	key = strings.TrimLeft(key, " \t\n\r\v\f")
	for end := len(key); end > 0; end-- {
		number := key[:end]
		if strings.IndexFunc(number, func(r rune) bool { return !strings.ContainsRune("0123456789+-.eE", r) }) >= 0 {
			continue
		}
		if n, err := strconv.ParseInt(number, 10, 64); err == nil {
			return n
		}
		f, _ := strconv.ParseFloat(number, 64)
		switch {
		case math.IsInf(f, 0):
			return 0
		case f >= 1<<63:
			return 1<<63 - 1
		case f < -1<<63:
			return -1 << 63
		case f != 0:
			return int64(f)
		}
	}
	return 0
}

// FuzzCoreAdmin compares with the model.
func FuzzCoreAdmin(f *testing.F) {
	for rules := range rules {
		f.Add(rules, int64(8), int64(-42))
	}
	f.Add(`{"core.admin":{"0":1,"1e700":0}}`, int64(8), int64(0))
	f.Fuzz(func(t *testing.T, rules string, first, second int64) {
		identities := []int64{first, second}
		if got, want := coreAdmin(rules, identities), model(rules, identities); got != want {
			t.Fatalf("%v, by the model %v", got, want)
		}
	})
}

// coreAdminScript reads base64 of rules and a list of identities. It answers
// whether core.admin is granted, by our rule and by Joomla's, which takes all
// keys and strings of JSON.
const coreAdminScript = `
while (($line = fgets(STDIN)) !== false) {
	[$text, $ids] = explode(" ", rtrim($line));
	$ids = array_map("intval", explode(",", $ids));
	$rules = json_decode(base64_decode($text), true);
	$rule = is_array($rules) ? $rules["core.admin"] ?? null : null;
	$ours = $theirs = $denied = false;
	$isString = is_string($rule);
	if ($isString) {
		$rule = json_decode($rule, true);
	}
	foreach (is_array($rule) ? $rule : [] as $key => $allow) {
		if (in_array((int) $key, $ids, true)) {
			$denied = $denied || !(bool) $allow;
			$theirs = true;
			$ours = $ours || is_int($key) && !$isString;
		}
	}
	echo json_encode([is_array($rules), $ours && !$denied, $theirs && !$denied]), "\n";
}`

var (
	keys = []string{`"8"`, `"8"`, `"1"`, `"-42"`, `"7"`, `"0"`, `"08"`, `" 8"`, `"8 "`, `"+8"`, `"-0"`, `"8.0"`,
		`"8.9"`, `"8x"`, `".8e1"`, `"8e0"`,
		`"80e-1"`, `"0e5"`, `"1e1000"`, `"1e30"`, `"-1e30"`, `""`, `"x"`, `"9223372036854775807"`,
		`"9223372036854775808"`, `"-9223372036854775808"`,
		`"-9223372036854775809"`, `"0008"`, `"\u00098"`, `"\u000b-42"`, `"\u00a08"`, `"\u00008"`, `"--8"`, `"- 8"`,
		`"8."`, `"8.e"`, `"8e+"`, `"1e-400"`,
		`"９"`, `"0x8"`, `"8,1"`}
	// The first 15 grant.
	values = []string{`1`, `1`, `1`, `1`, `1`, `true`, `"1"`, `2`, `-1`, `0.5`, `"false"`, `"0.0"`, `" "`, `[0]`,
		`{"8":0}`, `1e999`, `"\ud83d\ude00"`,
		`0`, `"0"`, `""`, `false`, `null`, `0.0`, `-0`, `-0.0`, `[]`, `{}`, `1e-999`, `"\ud83d"`, `TRUE`}
)

// randomRules returns rules that are mostly well-formed.
func randomRules(r *rand.Rand) string {
	var actions []string
	for range 1 + r.IntN(3) {
		action := []string{"core.admin", "core.admin", "core.admin", "core.manage", `core\u002eadmin`, "Core.Admin", "core.admin "}[r.IntN(7)]
		var allows []string
		isList := r.IntN(6) == 0
		for range r.IntN(5) {
			allow := values[r.IntN(15+15*r.IntN(2))]
			if !isList {
				allow = keys[r.IntN(len(keys))] + ":" + allow
			}
			allows = append(allows, allow)
		}
		rule := "{" + strings.Join(allows, ",") + "}"
		switch {
		case isList:
			rule = "[" + strings.Join(allows, ",") + "]"
		case r.IntN(10) == 0:
			rule = strconv.Quote(rule)
		case r.IntN(20) == 0:
			rule = values[r.IntN(len(values))]
		}
		actions = append(actions, `"`+action+`":`+rule)
	}
	return "{" + strings.Join(actions, ",") + "}"
}

func TestCoreAdminAsPHP(t *testing.T) {
	php := phptest.Start(t, coreAdminScript)
	compare := func(rules string, identities []int64) (read, granted bool) {
		t.Helper()
		granted = coreAdmin(rules, identities)
		line := base64.StdEncoding.EncodeToString([]byte(rules)) + " "
		for i, identity := range identities {
			if i > 0 {
				line += ","
			}
			line += strconv.FormatInt(identity, 10)
		}
		answer := php.Ask(line)
		require.Contains(t, answer, ","+strconv.FormatBool(granted)+",", "%q of %v", rules, identities)
		if granted {
			require.Equal(t, "[true,true,true]", answer, "laxer than Joomla: %q of %v", rules, identities)
		}
		return strings.HasPrefix(answer, "[true"), granted
	}
	for rules := range rules {
		compare(rules, identities)
	}
	r := phptest.Random(t)
	pieces := slices.Concat(keys, values, []string{"{", "}", "[", "]", ",", ":", `"`, " "})
	inputs, accepted, grants := 0, 0, 0
	for until := time.Now().Add(phptest.Duration(t)); time.Now().Before(until); inputs++ {
		rules := randomRules(r)
		if r.IntN(50) == 0 {
			rules = nestedRules(500 + r.IntN(20))
		}
		all := []int64{-42, 8, 1, 0, 1<<63 - 1, -1 << 63}
		if r.IntN(2) == 0 {
			rules = phptest.Mutate(r, rules, pieces)
		}
		read, granted := compare(rules, all[:1+r.IntN(len(all))])
		if read {
			accepted++
		}
		if granted {
			grants++
		}
	}
	t.Logf("%d inputs, %d accepted by both, %d of them granted by both", inputs, accepted, grants)
	assert.Positive(t, grants)
}

func TestVisitorLevels(t *testing.T) {
	// The levels of a new Joomla.
	rows := []joomla.ViewLevel{{1, `[1]`}, {2, `[6,2,8]`}, {3, `[6,3,8]`}, {5, `[9]`}, {6, `[8]`}}
	assert.Equal(t, []int64{1, 5}, joomla.VisitorLevels(rows, []int64{9, 1}))
	assert.Equal(t, []int64{1}, joomla.VisitorLevels(rows, []int64{1}))
	assert.Equal(t, []int64{1}, joomla.VisitorLevels(rows, nil))
	assert.Equal(t, []int64{1}, joomla.VisitorLevels(nil, []int64{9, 1}))

	for rules, want := range map[string]bool{
		`["9"]`: true, `[8,9]`: true, `{"1":9}`: true, `9`: true, `"9"`: true, `[1]`: true, `[]`: false, `{}`: false,
		`null`: false, ``: false, `[9`: false,
		`[-9]`: false, `["09"]`: false, `[9.0]`: false, `[true]`: false, `[[9]]`: false, `[null]`: false,
		`{"9":8}`: false, `[99]`: false, `9,1`: false,
	} {
		got := joomla.VisitorLevels([]joomla.ViewLevel{{7, rules}, {7, rules}}, []int64{9, 1})
		assert.Equal(t, want, slices.Equal(got, []int64{1, 7}), rules)
		assert.Equal(t, !want, slices.Equal(got, []int64{1}), rules)
	}
	// A group that does not exist makes visitors members of group 1.
	assert.Equal(t, []int64{1, 7}, joomla.VisitorLevels([]joomla.ViewLevel{{7, `[1]`}}, nil))
}

func TestCoreAdminAsRecorded(t *testing.T) {
	for _, name := range joomlatest.Recordings() {
		recorded := joomlatest.Recorded(name)
		root := recorded.Tables["assets"][0]
		require.Equal(t, "root.1", root["name"])
		granted := 0
		for _, user := range recorded.Users {
			identities := []int64{-user.ID}
			for _, group := range user.Groups {
				id, err := group.Int64()
				require.NoError(t, err)
				identities = append(identities, id)
			}
			got := coreAdmin(root["rules"].(string), identities)
			assert.Equal(t, user.CoreAdmin, got, "%s: %s", name, user.Username)
			if got {
				granted++
			}
		}
		assert.Positive(t, granted)
	}
}
