package capi_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

const (
	noCAPIToken      = "capi: not authenticated: no well-formed cAPI token"
	unknownCAPIToken = "capi: not authenticated: cAPI token is not known"
	notPublished     = "capi: not authenticated: cAPI token is not published"
)

func TestCAPITokenAuthorizerAuthorize(t *testing.T) {
	tests := map[string]struct {
		rows []row
		want string
	}{
		"Super Admin":       {[]row{{}}, ""},
		"as bytes":          {[]row{{"token": []byte("token-hush"), "state": []byte("1")}}, ""},
		"other group":       {[]row{{"groups": "2"}}, noCoreAdmin},
		"blocked":           {[]row{{"block": int64(1)}}, isBlocked},
		"not activated":     {[]row{{"activation": "x"}}, notActivated},
		"must reset":        {[]row{{"requireReset": int64(1)}}, mustReset},
		"unknown":           {nil, unknownCAPIToken},
		"no such user":      {[]row{{"id": nil}}, noUser},
		"unpublished":       {[]row{{"state": int64(0)}}, notPublished},
		"trashed":           {[]row{{"state": int64(-2)}}, notPublished},
		"archived":          {[]row{{"state": int64(2)}}, notPublished},
		"state is null":     {[]row{{"state": nil}}, notPublished},
		"other letter case": {[]row{{"token": "TOKEN-HUSH"}}, unknownCAPIToken},
		"space at the end":  {[]row{{"token": "token-hush "}}, unknownCAPIToken},
		"one of two alike":  {[]row{{"token": "TOKEN-HUSH"}, {"groups": "2"}}, noCoreAdmin},
		"in two rows":       {[]row{{}, {"id": int64(9)}}, "capi: not authenticated: cAPI token is in the table more than once"},
		"in two rows, one of them not published": {[]row{{}, {"state": int64(0)}},
			"capi: not authenticated: cAPI token is in the table more than once"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			db := newFakeDB(found(byCAPIToken, test.rows...))
			requireAnswer(t, test.want, capi.NewCAPITokenAuthorizer(db.site(t)).Authorize(withHeaders("token", "token-hush")))
			assert.Equal(t, [][]any{{"token-hush"}}, db.args)
		})
	}
}

func TestCAPITokenAuthorizerUser(t *testing.T) {
	db := newFakeDB(found(byCAPIToken, row{"groups": "2"}))
	user, err := capi.NewCAPITokenAuthorizer(db.site(t)).User(withHeaders("token", "token-hush"))
	require.NoError(t, err)
	assert.Equal(t, capi.User{
		ID: 7, Username: "admin", Name: "Ada Admin", Email: "ada@example.org", Groups: []int64{2}, DirectGroups: []int64{},
		Credential: "cAPI token",
	}, user)
}

func TestCAPITokenAuthorizerHeader(t *testing.T) {
	db := newFakeDB()
	auth := capi.NewCAPITokenAuthorizer(db.site(t))
	for _, text := range []string{"", strings.Repeat("x", 256), "a\x00b", "a\tb", "é", "\xff", "a\x7f"} {
		requireRefusal(t, noCAPIToken, auth.Authorize(withHeaders("token", text)))
	}
	for _, text := range []string{" ", "'; DROP TABLE x; -- ", `\`, "%", "?", "$1", "#__users", strings.Repeat("x", 255)} {
		db.then(list())
		requireRefusal(t, unknownCAPIToken, auth.Authorize(withHeaders("token", text)))
	}
}

// If the table may exist, it is a failure, and its cause is the first error.
func TestCAPITokenAuthorizerFails(t *testing.T) {
	missing := errors.New("Error 1146 (42S02): no table")
	for _, rest := range []error{errors.New("also broken"), errors.New("Error 1146 (42S02): no other table")} {
		db := newFakeDB(fails(missing))
		db.rest = rest
		err := capi.NewCAPITokenAuthorizer(db.site(t)).Authorize(withHeaders("token", "token-hush"))
		requireFailure(t, err)
		assert.ErrorIs(t, err, missing)
	}
}
