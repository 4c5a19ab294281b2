package capi

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/capi-go/capi/internal/joomlatest"
)

// FuzzCoreAdmin holds the rule to what must be true of all rules: it never panics, gives the same answer whatever the
// order of identities, and once an identity that is denied is added, nothing is granted.
func FuzzCoreAdmin(f *testing.F) {
	for _, name := range joomlatest.Recordings() {
		for _, asset := range joomlatest.Recorded(name).Tables["assets"] {
			f.Add(asset["rules"].(string), int64(8), int64(-42))
		}
	}
	f.Add(`{"core.admin":{"8":1,"7":"0","6":false,"5":null,"-42":"","08":2}}`, int64(8), int64(7))
	f.Add(`{"core.admin":[]}`, int64(0), int64(0))
	f.Add(`[]`, int64(0), int64(1))
	f.Add(``, int64(0), int64(1))
	f.Fuzz(func(t *testing.T, rules string, first, second int64) {
		both, err := coreAdmin(rules, []int64{first, second})
		swapped, swappedErr := coreAdmin(rules, []int64{second, first})
		if both != swapped || (err == nil) != (swappedErr == nil) {
			t.Fatalf("the order of identities matters: %v %v, %v %v", both, err, swapped, swappedErr)
		}
		if nobody, _ := coreAdmin(rules, nil); nobody {
			t.Fatal("granted to nobody")
		}
		one, _ := coreAdmin(rules, []int64{first})
		two, _ := coreAdmin(rules, []int64{second})
		if both && !one && !two {
			t.Fatal("granted to two, but to neither alone")
		}
		if both && err != nil {
			t.Fatal("granted with an error")
		}
		if !both {
			return
		}
		// What is granted is written down in the rules, and a denial beside it takes it away.
		var actions map[string]json.RawMessage
		if err := json.Unmarshal([]byte(rules), &actions); err != nil {
			t.Fatalf("granted by what is no JSON: %v", err)
		}
		var allows map[string]any
		if err := json.Unmarshal(actions["core.admin"], &allows); err != nil {
			t.Fatalf("granted by what is no object: %v", err)
		}
		named := slices.ContainsFunc([]int64{first, second}, func(identity int64) bool {
			for key := range allows {
				if n, err := strconv.ParseInt(key, 10, 64); err == nil && n == identity {
					return true
				}
			}
			return false
		})
		if !named {
			t.Fatal("granted to whom the rules do not name")
		}
		allows[strconv.FormatInt(second, 10)] = 0
		denied, err := json.Marshal(map[string]any{"core.admin": allows})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := coreAdmin(string(denied), []int64{first, second}); got || err != nil {
			t.Fatalf("a denial is ignored: %v %v in %s", got, err, denied)
		}
	})
}

// FuzzSessionIDs holds the reader of cookies to returning few values, each of which PHP could have made.
func FuzzSessionIDs(f *testing.F) {
	f.Add("a=b; name=id; name=other; second=%2C-x", "")
	f.Add("name", "name=id")
	f.Add(strings.Repeat("name=; ", 50), "second=a b")
	f.Fuzz(func(t *testing.T, first, second string) {
		ids := sessionIDs([]string{first, second}, []string{"name", "second"})
		if len(ids) > 2 {
			t.Fatal("more ids than names")
		}
		for i, id := range ids {
			const alphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ,-"
			if id == "" || len(id) > 192 || strings.Trim(id, alphabet) != "" || slices.Contains(ids[:i], id) {
				t.Fatalf("%q is no id, or is there twice", id)
			}
		}
	})
}
