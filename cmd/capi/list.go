package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/capi-go/capi"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"
)

const listUsage = `Shows the sessions of an endpoint, such as https://example.org, or of the database of
a site. An endpoint is one of this program, or of the cAPI extension; a URL without a
path gets that of the contract, /api/v1/user/sessions.

Credentials are those of a Super Admin, in a file (--token-file) or in the environment
(CAPI_TOKEN), and never on the command line, which others can see. --token-type says
which they are: a Joomla API token, a token of the cAPI extension, or the cookie of a
session as NAME=VALUE.

Formats: table, for people; jsonl, a session as the contract has it on each line; csv,
with a header. Only jsonl has what sessions hold, with the secrets in it masked unless
--unmasked. Session ids let sessions be taken over: they are pseudonyms unless --ids real.

Exit status: 0 the list is whole, 1 it is not, 2 wrong usage.
` + environmentUsage

// listOptions are what the command line of list says.
type listOptions struct {
	siteFlags
	url                  string
	tokenFile, tokenType string
	format, ids          string
	unmasked             bool
	filter               filter
}

const listExample = `  capi list https://example.org --token-file token
  capi list --config /var/www/html/configuration.php --active --format csv`

// newListCommand returns the command list.
func newListCommand() *cobra.Command {
	var o listOptions
	c := &cobra.Command{
		Use: "list [URL]", Short: "Show the sessions of an endpoint or of a site's database", Long: listUsage, Example: listExample,
		Args: atMost(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.url = args[0]
			}
			if err := o.validate(); err != nil {
				return err
			}
			if err := list(c.Context(), o, c); err != nil {
				return failed(c, err)
			}
			return nil
		},
	}
	o.addFlags(c.Flags())
	return c
}

// addFlags adds the flags to c.
func (o *listOptions) addFlags(c *pflag.FlagSet) {
	o.add(c)
	o.connections, o.rowsSuffice = 2, true
	c.StringVar(&o.tokenFile, "token-file", "", "`file` with the credential (default: the variable CAPI_TOKEN)")
	c.StringVar(&o.tokenType, "token-type", "joomla", "what it is: joomla, capi or cookie")
	c.StringVar(&o.format, "format", "table", "table, jsonl or csv")
	c.StringVar(&o.ids, "ids", "pseudonym", "session ids: pseudonym, real or none; pseudonyms of an endpoint hold for one list")
	c.BoolVar(&o.unmasked, "unmasked", false, "show the secrets that sessions hold")
	c.StringVar(&o.filter.user, "user", "", "only sessions of this `user`: a username, or the id of a user")
	c.Func("client", "only sessions of this `application`: site, administrator, none or a number", o.filter.setClient)
	c.VarPF(&o.filter.active, "active", "", "only sessions that were written within the site's lifetime, or within "+
		"a duration: --active=1h (for an endpoint: 15m)").NoOptDefVal = "true"
}

// validate reports what is wrong with the options.
func (o *listOptions) validate() error {
	switch {
	case o.url == "" && len(o.sites) == 0:
		return errors.New("give the URL of an endpoint, or --config")
	case o.url != "" && len(o.sites) > 0:
		return errors.New("give the URL of an endpoint or --config, not both")
	case len(o.sites) > 1:
		return errors.New("flag --config may be given once")
	case !slices.Contains(choices("token-type"), o.tokenType):
		return fmt.Errorf("flag --token-type must be joomla, capi or cookie: %q", o.tokenType)
	case formats[o.format] == nil:
		return fmt.Errorf("flag --format must be table, jsonl or csv: %q", o.format)
	case !slices.Contains(choices("ids"), o.ids):
		return fmt.Errorf("flag --ids must be pseudonym, real or none: %q", o.ids)
	}
	return nil
}

// list prints the list.
func list(ctx context.Context, o listOptions, c *cobra.Command) (err error) {
	var sessions iter.Seq2[capi.Session, error]
	var key string
	if o.url != "" {
		client, err := o.client()
		if err != nil {
			return err
		}
		sessions, key = client.Sessions(ctx), rand.Text()
		o.filter.lifetime = capi.DefaultLifetime
	} else {
		s, err := o.openSite(o.sites[0], slog.New(slog.DiscardHandler))
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.close()) }()
		store := s.store(capi.SQLStoreOptions{ActiveOnly: o.filter.active.set && o.filter.active.within == 0})
		sessions, key = store.Sessions(ctx), s.config.Secret.Reveal()
		o.filter.lifetime = 0 // The store knows better than the column of the time.
	}
	redact, err := o.redactions(key)
	if err != nil {
		return err
	}
	output := formats[o.format](c.OutOrStdout())
	progress := newProgress(c.ErrOrStderr())
	defer progress.end()
	now := time.Now()
	for session, err := range sessions {
		if err != nil {
			return explain(err)
		}
		progress.next()
		if !o.filter.matches(session, now) {
			continue
		}
		for _, redaction := range redact {
			session = redaction(session)
		}
		if err := output.session(session); err != nil {
			return err
		}
	}
	return output.end()
}

// explain adds to an error of an endpoint what to do about it.
func explain(err error) error {
	switch {
	case errors.Is(err, capi.ErrUnauthenticated):
		return fmt.Errorf("%w: give the credential of a Super Admin (--token-file, --token-type)", err)
	case errors.Is(err, capi.ErrForbidden):
		return fmt.Errorf("%w: the credential is of no Super Admin, or there is none", err)
	}
	return err
}

// client returns a client of the endpoint with the credential.
func (o listOptions) client() (*capi.Client, error) {
	token := os.Getenv("CAPI_TOKEN")
	if o.tokenFile != "" {
		var err error
		if token, err = readLine(o.tokenFile); err != nil {
			return nil, fmt.Errorf("reading the credential (--token-file): %w", err)
		}
	}
	var config capi.ClientOptions
	switch o.tokenType {
	case "joomla":
		config.APIToken = capi.NewSecret(token)
	case "capi":
		config.CAPIToken = capi.NewSecret(token)
	default:
		config.Cookie = capi.NewSecret(token)
	}
	endpoint := o.url
	if parsed, err := url.Parse(endpoint); err == nil && strings.Trim(parsed.Path, "/") == "" && parsed.Host != "" {
		parsed.Path = listPath
		endpoint = parsed.String()
	}
	return config.NewClient(endpoint)
}

// redactions returns what is done to each session. Pseudonyms are made with
// key.
func (o listOptions) redactions(key string) (all []capi.Redaction, err error) {
	if !o.unmasked {
		all = append(all, capi.MaskSecrets())
	}
	switch o.ids {
	case "none":
		all = append(all, func(s capi.Session) capi.Session {
			s.ID = ""
			return s
		})
	case "pseudonym":
		redaction, err := pseudonyms(key)
		if err != nil {
			return nil, err
		}
		all = append(all, redaction)
	}
	return all, nil
}

// A filter is which sessions are shown.
type filter struct {
	user     string
	client   *capi.ClientID
	active   activeFlag
	lifetime time.Duration // of --active without a duration, 0 if that is done already
}

func (f *filter) setClient(text string) error {
	for _, id := range []capi.ClientID{capi.ClientNone, capi.ClientSite, capi.ClientAdministrator} {
		if text == id.String() {
			f.client = &id
			return nil
		}
	}
	number, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return errors.New("not site, administrator, none or a number")
	}
	id := capi.ClientID(number)
	f.client = &id
	return nil
}

// matches reports whether the session is to be shown.
func (f *filter) matches(s capi.Session, now time.Time) bool {
	if f.user != "" && s.Username != f.user && (s.UserID == 0 || strconv.FormatInt(s.UserID, 10) != f.user) {
		return false
	}
	if f.client != nil && s.ClientID != *f.client {
		return false
	}
	within := f.active.within
	if within == 0 {
		within = f.lifetime
	}
	return !f.active.set || within == 0 || !s.Time.Before(now.Add(-within))
}

// An activeFlag is a flag with or without a duration.
type activeFlag struct {
	set    bool
	within time.Duration // 0 for the site's lifetime
}

func (f *activeFlag) String() string { return "" }

// Type implements [pflag.Value].
func (f *activeFlag) Type() string { return "duration" }

// Set implements [pflag.Value].
func (f *activeFlag) Set(text string) error {
	if on, err := strconv.ParseBool(text); err == nil {
		*f = activeFlag{set: on}
		return nil
	}
	within, err := time.ParseDuration(text)
	if err != nil || within <= 0 {
		return errors.New("not a positive duration")
	}
	*f = activeFlag{true, within}
	return nil
}

// isTerminal reports whether w is a terminal.
func isTerminal(w any) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
