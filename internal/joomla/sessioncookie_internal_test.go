package joomla

import (
	"slices"
	"strings"
	"testing"
)

// A value that is too long for an id is not even unescaped, which would copy
// it.
func TestSessionIDRefusesLongValuesUnread(t *testing.T) {
	value := strings.Repeat("%2C", maxSessionID+1)
	if n := testing.AllocsPerRun(10, func() { sessionID(value) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzSessionIDs checks that few ids are returned, and that PHP could have made
// each.
func FuzzSessionIDs(f *testing.F) {
	f.Add("a=b; name=id; name=other; second=%2C-x", "")
	f.Add("name", "name=id")
	f.Add(strings.Repeat("name=; ", 50), "second=a b")
	f.Fuzz(func(t *testing.T, first, second string) {
		ids := SessionIDs([]string{first, second}, []string{"name", "second"})
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
