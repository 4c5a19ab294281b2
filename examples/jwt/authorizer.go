package main

import (
	"crypto"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/capi-go/capi"
	"github.com/golang-jwt/jwt/v5"
)

// A jwtAuthorizer is a capi.Authorizer that accepts the JSON Web Tokens of a
// single sign-on service. It is safe for concurrent use.
type jwtAuthorizer struct {
	parser *jwt.Parser
	keys   map[string]crypto.PublicKey
	group  string
}

// newJWTAuthorizer returns an Authorizer that accepts tokens that issuer made
// for audience and a member of group. The token names its key, one of keys, by
// its id.
func newJWTAuthorizer(keys map[string]crypto.PublicKey, issuer, audience, group string) *jwtAuthorizer {
	return &jwtAuthorizer{
		parser: jwt.NewParser(
			// A token must not choose how it is verified: with "none", or a
			// public key used as a shared secret, anybody could make one.
			jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}),
			jwt.WithIssuer(issuer),
			jwt.WithAudience(audience),
			jwt.WithExpirationRequired(),
			jwt.WithLeeway(30*time.Second), // For clocks that differ.
		),
		keys:  keys,
		group: group,
	}
}

// claims are what a token says.
type claims struct {
	jwt.RegisteredClaims
	// Groups are the groups of the subject.
	Groups []string `json:"groups"`
}

// errUnknownKey is never returned by the Authorizer.
var errUnknownKey = errors.New("unknown key")

// Authorize implements capi.Authorizer. It does not say what is wrong with a
// token: that is none of the sender's business, and the token itself must not
// be logged.
func (a *jwtAuthorizer) Authorize(r *http.Request) error {
	scheme, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return capi.ErrUnauthenticated
	}
	var c claims
	_, err := a.parser.ParseWithClaims(text, &c, func(token *jwt.Token) (any, error) {
		id, _ := token.Header["kid"].(string)
		if key, ok := a.keys[id]; ok {
			return key, nil
		}
		return nil, errUnknownKey
	})
	if err != nil {
		return capi.ErrUnauthenticated
	}
	if !slices.Contains(c.Groups, a.group) {
		return capi.ErrForbidden
	}
	return nil
}
