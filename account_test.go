package capi_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// A list as long as the limit may be cut, and hide a group that is denied.
func TestSiteGroupLimit(t *testing.T) {
	groups := strings.Repeat("1,", 500) + "8"
	for limit, fails := range map[any]bool{nil: false, int64(len(groups) + 1): false, int64(len(groups)): true, int64(len(groups) - 1): true} {
		for _, column := range []string{"groups", "methods"} {
			db := newFakeDB(found(byCookie, row{"data": login(7, second(1, 0)...), column: groups, "group_concat_max_len": limit}))
			if fails {
				db.rest = errors.New("also broken")
			}
			err := newSessionAuthorizer(t, db.site(t)).Authorize(withSession())
			if fails {
				requireFailure(t, err)
				assert.ErrorContains(t, err, "group_concat_max_len")
			} else {
				assert.NoError(t, err)
			}
		}
	}
}
