package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/capi-go/capi"
	"github.com/spf13/pflag"
)

const sourceUsage = `An endpoint is one of this program, or of the cAPI extension. A URL without a path
gets /api/v1/user/sessions, and a host without a scheme gets https.

Credentials are those of a Super Admin, in a file (--token-file) or in the
environment (CAPI_TOKEN), and never on the command line, which others can see.
--token-type says of which kind they are: a Joomla API token, a token of the cAPI
extension, or a session cookie as NAME=VALUE.`

// sourceFlags are the flags that say where to read sessions.
type sourceFlags struct {
	siteFlags
	url                  string
	tokenFile, tokenType string
	// lifetime is how long sessions of an endpoint live: the list does not say.
	lifetime time.Duration
}

// add adds the flags to c.
func (f *sourceFlags) add(c *pflag.FlagSet) {
	f.connections, f.rowsSuffice = 2, true
	c.StringVar(&f.tokenFile, "token-file", "", "`file` with the credential for an endpoint (default: the variable CAPI_TOKEN)")
	c.StringVar(&f.tokenType, "token-type", "joomla", "`type` of the credential: joomla, capi or cookie")
	c.DurationVar(&f.lifetime, "lifetime", capi.DefaultLifetime, "how long sessions of an endpoint live, as the list does not say; the default is Joomla's. CAPI_LIFETIME does not set it: that is of a site")
	f.siteFlags.add(c)
}

// complete sets what the environment has and the command line has not. The only
// argument, if there is one, is the URL of an endpoint.
func (f *sourceFlags) complete(flags *pflag.FlagSet, args []string) error {
	if len(args) == 1 {
		f.url = args[0]
	}
	given := f.sites
	err := f.fromEnvironment(flags)
	if f.url != "" {
		f.sites = given // A URL goes before the site of the environment.
	}
	return err
}

// validate reports what is wrong with the flags.
func (f *sourceFlags) validate() error {
	switch {
	case f.url == "" && len(f.sites) == 0:
		return errors.New("give the URL of an endpoint, or --config")
	case f.url != "" && len(f.sites) > 0:
		return errors.New("give the URL of an endpoint or --config, not both")
	case len(f.sites) > 1:
		return errors.New("flag --config may be given once")
	case !slices.Contains(choices("list", "token-type"), f.tokenType):
		return fmt.Errorf("flag --token-type must be joomla, capi or cookie: %q", f.tokenType)
	case f.lifetime <= 0:
		return errors.New("flag --lifetime must be positive")
	}
	return nil
}

// A source is where sessions are read.
type source struct {
	capi.Store
	// summary lists the sessions without their data. It is nil if the rows alone
	// do not tell whose sessions they are, or which have ended.
	summary capi.Store
	// joomla is nil for an endpoint.
	joomla *capi.Site
	// lifetime is how long sessions live.
	lifetime time.Duration
	// key is the key of pseudonyms.
	key []byte
	// people is the number of rows in the last snapshot.
	people int
	close  func() error
}

// open opens the source, without connecting to anything. The caller closes it.
func (f *sourceFlags) open(options capi.SQLStoreOptions) (*source, error) {
	if f.url != "" {
		client, err := f.client()
		if err != nil {
			return nil, err
		}
		key, err := pseudonymKey(rand.Text())
		return &source{Store: client, lifetime: f.lifetime, key: key, close: func() error { return nil }}, err
	}
	s, err := f.openSite(f.sites[0], slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	if note := s.empty(); note != "" { // "0 people logged in" would be a guess.
		return nil, errors.Join(errors.New(note), s.close())
	}
	key, err := pseudonymKey(s.config.Secret.Reveal())
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return &source{Store: s.store(options), summary: s.summary(), joomla: s.joomla, lifetime: s.lifetime(), key: key, close: s.close}, nil
}

// client returns a client of the endpoint with the credential.
func (f *sourceFlags) client() (*capi.Client, error) {
	token := os.Getenv("CAPI_TOKEN")
	if f.tokenFile != "" {
		var err error
		if token, err = readLine(f.tokenFile); err != nil {
			return nil, fmt.Errorf("reading the credential (--token-file): %w", err)
		}
	}
	var options capi.ClientOptions
	switch f.tokenType {
	case "joomla":
		options.APIToken = capi.NewSecret(token)
	case "capi":
		options.CAPIToken = capi.NewSecret(token)
	default:
		options.Cookie = capi.NewSecret(token)
	}
	return options.NewClient(f.endpoint())
}

// endpoint returns the URL of the endpoint. A host alone is asked by https.
func (f *sourceFlags) endpoint() string {
	if strings.Contains(f.url, "://") {
		return f.url
	}
	return "https://" + f.url
}

// explain adds to the error of an endpoint what to do about it.
func explain(err error) error {
	switch {
	case errors.Is(err, capi.ErrUnauthenticated):
		return fmt.Errorf("%w: give the credential of a Super Admin (--token-file, --token-type)", err)
	case errors.Is(err, capi.ErrForbidden):
		return fmt.Errorf("%w: the credential is missing, or not a Super Admin's", err)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: the list was cut", err)
	}
	return err
}
