package page_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/capitest"
	"github.com/capi-go/capi/page"
)

// TestUserLogsReaders has a line for each e-mail address that is read, and none
// for those that are not.
func TestUserLogsReaders(t *testing.T) {
	site := capitest.NewSite(t)
	admin := site.AddUser(capitest.User{Username: "admin", Groups: []int64{capitest.SuperUsers}})
	jane := site.AddUser(capitest.User{Username: "jane", Email: "jane@example.org"})
	joomla := site.Capi()
	auth, err := capi.NewSessionAuthorizer(joomla)
	require.NoError(t, err)
	var log bytes.Buffer
	handler, err := page.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}.NewHandler(
		page.Site{Store: capi.NewSQLStore(joomla), Auth: auth, Joomla: joomla})
	require.NoError(t, err)
	ask := func(cookie *http.Cookie, id int64) int {
		r := httptest.NewRequest(http.MethodGet, fmt.Sprintf("/user?id=%d", id), nil)
		r.AddCookie(cookie)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w.Code
	}
	assert.Equal(t, http.StatusForbidden, ask(jane.Cookie(), jane.ID))
	assert.Equal(t, http.StatusNotFound, ask(admin.Cookie(), 9999))
	assert.Empty(t, log.String())
	assert.Equal(t, http.StatusOK, ask(admin.Cookie(), jane.ID))
	assert.Contains(t, log.String(), fmt.Sprintf(`msg="page: e-mail read" of=%d user=%d username=admin credential=session`, jane.ID, admin.ID))
	assert.NotContains(t, log.String(), "example.org")
}
