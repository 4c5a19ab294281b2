package capi_test

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/capi-go/capi"
)

// A zero authorizer has no site: it lets nobody in, and does not panic.
func TestAuthorizerZeroValues(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	text := base64.StdEncoding.EncodeToString([]byte("sha256:7:" + strings.Repeat("0", 64)))
	r.Header.Set("X-Joomla-Token", text)
	r.Header.Set("token", "token")
	for _, auth := range []capi.Authorizer{new(capi.APITokenAuthorizer), new(capi.CAPITokenAuthorizer), new(capi.SessionAuthorizer)} {
		assert.EqualError(t, auth.Authorize(r), "capi: authorizer without a site")
	}
}
