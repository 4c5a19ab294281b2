//go:build go1.25

package capi_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

// A site of unknown version is asked again, since the account of the database
// may have been granted the column in the meantime.
func TestSiteTellsItsVersionOnceItMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []int
		db := newFakeDB(fails(sqlState("42501")), list(), found(byID, row{}))
		auth := newSessionAuthorizer(t, db.site(t, inRedis(versionedData(func(version int) capi.SessionData {
			asked = append(asked, version)
			return sessionDataFunc(func(context.Context, []string) ([]capi.Payload, error) {
				return []capi.Payload{capi.Payload(login(7))}, nil
			})
		}))))
		assert.ErrorIs(t, auth.Authorize(withSession()), capi.ErrUnauthenticated, "a form that only Joomla 4 reads")
		time.Sleep(6 * time.Second)
		db.replies = nil
		db.then(list(int64(0)), found(byID, row{}))
		require.NoError(t, auth.Authorize(withSession()))
		assert.Equal(t, []int{0, 4}, asked)
	})
}
