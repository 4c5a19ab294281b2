// Jwt guards the session list with its own Authorizer, which accepts JSON Web
// Tokens of a single sign-on service. It also plays that service. Whoever is in
// the group according to a token may read the list, whatever Joomla allows
// them.
//
//	go run ./jwt
package main

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/examples/internal/demo"
	"github.com/capi-go/capi/examples/internal/serve"
	"github.com/capi-go/capi/examples/internal/site"
	"github.com/golang-jwt/jwt/v5"
)

const (
	issuer   = "https://sso.example.org"
	audience = "https://sessions.example.org"
	group    = "joomla-super-admins"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "`address` to serve at; port 0 takes any that is free")
	flag.Parse()
	if err := run(*addr); err != nil {
		log.Fatal(err)
	}
}

func run(addr string) (err error) {
	joomla, err := site.OpenTemporary(context.Background(), 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, joomla.Close()) }()
	s, err := capi.NewSite(joomla.DB, joomla.Config)
	if err != nil {
		return err
	}

	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return err
	}
	member, err := sign(private, "ada", group)
	if err != nil {
		return err
	}
	other, err := sign(private, "bob", "editors")
	if err != nil {
		return err
	}
	auth := newJWTAuthorizer(map[string]crypto.PublicKey{"2026": public}, issuer, audience, group)
	mux := http.NewServeMux()
	mux.Handle(demo.Path, capi.NewHandler(capi.NewSQLStore(s), auth))
	return serve.Run(context.Background(), addr, mux, func(url string) {
		fmt.Printf("A member of the group:\n  curl -i -H 'Authorization: Bearer %s' %s%s\n", member, url, demo.Path)
		fmt.Printf("Somebody else:\n  curl -i -H 'Authorization: Bearer %s' %s%s\n", other, url, demo.Path)
	})
}

// sign makes a token as the single sign-on service would, valid for an hour.
func sign(key ed25519.PrivateKey, subject, group string) (string, error) {
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer:    issuer,
			Audience:  jwt.ClaimStrings{audience},
			Subject:   subject,
			IssuedAt:  jwt.NewNumericDate(time.Now()),
			ExpiresAt: jwt.NewNumericDate(time.Now().Add(time.Hour)),
		},
		Groups: []string{group},
	})
	token.Header["kid"] = "2026"
	return token.SignedString(key)
}
