package main

import (
	"crypto"
	"crypto/ed25519"
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"
	"time"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/examples/internal/demo"
	"github.com/capi-go/capi/examples/internal/process"
	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAuthorizer(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	_, stranger, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	auth := newJWTAuthorizer(map[string]crypto.PublicKey{"a": public}, issuer, audience, group)

	now := time.Now()
	type object = map[string]any
	good := func(change object) jwt.MapClaims {
		c := jwt.MapClaims{"iss": issuer, "aud": audience, "exp": now.Add(time.Hour).Unix(), "groups": []string{"editors", group}}
		for name, value := range change {
			if c[name] = value; value == nil {
				delete(c, name)
			}
		}
		return c
	}
	token := func(method jwt.SigningMethod, key any, id string, c jwt.MapClaims) string {
		token := jwt.NewWithClaims(method, c)
		token.Header["kid"] = id
		text, err := token.SignedString(key)
		require.NoError(t, err)
		return text
	}
	with := func(change object) string {
		return "Bearer " + token(jwt.SigningMethodEdDSA, private, "a", good(change))
	}
	for _, c := range []struct {
		name   string
		header string
		want   error
	}{
		{"good", with(nil), nil},
		{"several audiences", with(object{"aud": []string{"https://other.example.org", audience}}), nil},
		{"lower-case scheme", "bearer " + token(jwt.SigningMethodEdDSA, private, "a", good(nil)), nil},
		{"no group", with(object{"groups": nil}), capi.ErrForbidden},
		{"another group", with(object{"groups": []string{"editors"}}), capi.ErrForbidden},
		{"groups that are no list", with(object{"groups": group}), capi.ErrUnauthenticated},
		{"nothing", "", capi.ErrUnauthenticated},
		{"Basic", "Basic YTpi", capi.ErrUnauthenticated},
		{"no token", "Bearer ", capi.ErrUnauthenticated},
		{"garbage", "Bearer a.b.c", capi.ErrUnauthenticated},
		{"expired", with(object{"exp": now.Add(-time.Minute).Unix()}), capi.ErrUnauthenticated},
		{"within the leeway", with(object{"exp": now.Add(-5 * time.Second).Unix()}), nil},
		{"no expiry", with(object{"exp": nil}), capi.ErrUnauthenticated},
		{"not valid yet", with(object{"nbf": now.Add(time.Hour).Unix()}), capi.ErrUnauthenticated},
		{"another audience", with(object{"aud": "https://other.example.org"}), capi.ErrUnauthenticated},
		{"no audience", with(object{"aud": nil}), capi.ErrUnauthenticated},
		{"another issuer", with(object{"iss": "https://evil.example.org"}), capi.ErrUnauthenticated},
		{"no issuer", with(object{"iss": nil}), capi.ErrUnauthenticated},
		{"another key", "Bearer " + token(jwt.SigningMethodEdDSA, stranger, "a", good(nil)), capi.ErrUnauthenticated},
		{"unknown key", "Bearer " + token(jwt.SigningMethodEdDSA, private, "b", good(nil)), capi.ErrUnauthenticated},
		{"algorithm none", "Bearer " + token(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, "a", good(nil)), capi.ErrUnauthenticated},
		{"public key as a secret", "Bearer " + token(jwt.SigningMethodHS256, []byte(public), "a", good(nil)), capi.ErrUnauthenticated},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, demo.Path, nil)
			r.Header.Set("Authorization", c.header)
			assert.Equal(t, c.want, auth.Authorize(r), "and nothing that holds the token")
		})
	}
}

func TestProgram(t *testing.T) {
	program := process.Start(t, process.Build(t), "-addr", "127.0.0.1:0")
	program.WaitFor(t, "Somebody else")
	tokens := regexp.MustCompile(`Bearer [\w.-]+`)
	require.Eventually(t, func() bool { return len(tokens.FindAllString(program.Output(), -1)) == 2 }, 20*time.Second, time.Millisecond)
	for i, want := range []int{http.StatusOK, http.StatusForbidden} {
		status, _, _ := program.Get(t, demo.Path, "Authorization", tokens.FindAllString(program.Output(), -1)[i])
		assert.Equal(t, want, status)
	}
	status, _, _ := program.Get(t, demo.Path)
	assert.Equal(t, http.StatusUnauthorized, status)
	program.Interrupt(t)
}
