package capi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/capi-go/capi/internal/envelopejson"
)

// ClientOptions are the optional settings of a [Client]. The zero value sends
// no credentials and has limits that fit a site of any size.
type ClientOptions struct {
	// Cookie is the cookie of a Super Admin's session, as name=value. The zero
	// Secret sends none.
	Cookie Secret
	// APIToken is a Joomla API token. It is sent as Authorization: Bearer and
	// as X-Joomla-Token, because some servers do not pass the former to PHP.
	// The zero Secret sends none.
	APIToken Secret
	// CAPIToken is a token of the cAPI extension, sent in the header token. The
	// zero Secret sends none.
	CAPIToken Secret
	// HTTPClient sends the requests. It is copied. Its Timeout bounds the time
	// for the whole list, and its CheckRedirect is not used. Nil is a client
	// with a connection pool of its own that has timeouts for connecting, but
	// not for the whole list.
	HTTPClient *http.Client
	// StallTimeout is how long the server may keep a reader waiting for the
	// header of its answer and for each next part of it. Zero is 30 seconds. A
	// negative value is an error.
	StallTimeout time.Duration
	// MaxSessionSize is how many bytes of JSON one session may take. Zero is 64
	// MiB, four times the size of Joomla's column data (mediumtext): only data
	// that is mostly control characters takes more. A negative value is an
	// error.
	MaxSessionSize int

	_ struct{} // Options are written with names.
}

// A Client reads the session list of an endpoint: of this package, of cAPI as
// documented, or of cAPI 1.3.6, which numbers the rows. It is a [Store] of that
// endpoint's sessions, and safe for concurrent use. Make one with
// [ClientOptions.NewClient]; ranges over the zero Client fail.
//
//   - A range sends one request. It holds one session at a time, in at most a
//     few times MaxSessionSize of memory, and ends when its context does.
//     Ending it early closes the connection, so that the server stops too.
//   - A list is complete only if it ends as the contract says, with error false
//     and status 200, and nothing follows. A list that is cut off gives an
//     error that wraps [io.ErrUnexpectedEOF]. The sessions before it are real.
//   - An answer that is not a list gives a [*ResponseError], which wraps
//     [ErrUnauthenticated] for 401 and [ErrForbidden] for 403. cAPI 1.3.6 also
//     answers guests with 403.
//   - It follows up to ten redirects to the same scheme, host and port, or from
//     http to https at the default ports. It sends nothing anywhere else.
//   - Error texts contain no credentials, no query of the URL, and nothing of a
//     body.
type Client struct {
	options  ClientOptions
	http     http.Client
	endpoint Secret // a URL, whose query may hold a token
}

// NewClient returns a Client for the endpoint at rawURL, such as
// https://example.org/api/v1/user/sessions. A URL without a path, such as
// https://example.org, gets this one. Changing o later does not change the
// Client. The error names everything that is wrong with o and rawURL.
func (o ClientOptions) NewClient(rawURL string) (*Client, error) {
	var errs []error
	refuse := func(format string, args ...any) { errs = append(errs, fmt.Errorf("capi: "+format, args...)) }
	endpoint, err := url.Parse(rawURL)
	switch {
	case err != nil: // The text of err holds the URL.
		refuse("malformed URL of an endpoint")
	case endpoint.Scheme != "http" && endpoint.Scheme != "https", endpoint.Hostname() == "":
		refuse("the URL of the endpoint must be http(s)://HOST/…")
	case endpoint.User != nil:
		refuse("the URL of the endpoint must not have a user or password: set ClientOptions")
	}
	if name, _, ok := strings.Cut(o.Cookie.Reveal(), "="); o.Cookie.Reveal() != "" && (!ok || name == "") || !isVisible(o.Cookie, ' ') {
		refuse("ClientOptions.Cookie must be name=value")
	}
	if !isVisible(o.APIToken, '!') {
		refuse("ClientOptions.APIToken must be visible ASCII")
	}
	if !isVisible(o.CAPIToken, '!') {
		refuse("ClientOptions.CAPIToken must be visible ASCII")
	}
	if o.StallTimeout < 0 {
		refuse("negative StallTimeout %v", o.StallTimeout)
	}
	if o.MaxSessionSize < 0 {
		refuse("negative MaxSessionSize %d", o.MaxSessionSize)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	if o.StallTimeout == 0 {
		o.StallTimeout = 30 * time.Second
	}
	if o.MaxSessionSize == 0 {
		o.MaxSessionSize = 64 << 20
	}
	if endpoint.Path == "" || endpoint.Path == "/" {
		endpoint.Path = "/api/v1/user/sessions"
	}
	client := &Client{options: o, endpoint: NewSecret(endpoint.String())}
	if o.HTTPClient != nil {
		client.http = *o.HTTPClient
	} else {
		client.http.Transport = newTransport()
	}
	client.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client, nil
}

// isVisible reports whether s holds only printable ASCII from lowest on.
func isVisible(s Secret, lowest rune) bool {
	return strings.IndexFunc(s.Reveal(), func(r rune) bool { return r < lowest || r > '~' }) < 0
}

// Sessions returns an iterator over the sessions of the endpoint, in its order.
// The Data of a Session is valid until the next one is asked for.
func (c *Client) Sessions(ctx context.Context) iter.Seq2[Session, error] {
	return func(yield func(Session, error) bool) {
		if err := c.read(ctx, yield); err != nil {
			yield(Session{}, fmt.Errorf("capi: reading a session list: %w", err))
		}
	}
}

// read calls yield with each session until it returns false. The error is nil
// if it did, or the list was whole.
func (c *Client) read(parent context.Context, yield func(Session, error) bool) error {
	if c.endpoint.Reveal() == "" {
		return errors.New("the Client was not made by NewClient")
	}
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	watch := time.AfterFunc(c.options.StallTimeout, func() { cancel(errStalled) })
	defer watch.Stop()

	response, err := c.get(ctx)
	watch.Stop()
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body := &bodyReader{ctx: ctx, body: response.Body, watch: watch, stall: c.options.StallTimeout}
	if response.StatusCode != http.StatusOK {
		return readRefusal(response.StatusCode, body)
	}

	rows := envelopejson.NewReader(body, c.options.MaxSessionSize)
	var buffer []byte
	for {
		row, err := rows.Next()
		// Rows that were read ahead must not outlive the context.
		if err := parent.Err(); err != nil {
			return err
		}
		switch {
		case err == io.EOF:
			return nil
		case errors.Is(err, envelopejson.ErrRefused):
			return newResponseError(rows.Status(), rows.Message())
		case err != nil:
			return err
		}
		var session Session
		if session, buffer, err = parseSession(row, buffer); err != nil {
			return fmt.Errorf("a session: %w", err)
		}
		if !yield(session, nil) {
			return nil
		}
	}
}

// readRefusal returns the error for an answer whose HTTP status is not 200.
func readRefusal(status int, body io.Reader) error {
	const limit = 64 << 10
	rows := envelopejson.NewReader(io.LimitReader(body, limit), limit)
	for {
		// Whatever is wrong with the body, the answer is a refusal.
		if _, err := rows.Next(); err != nil {
			return newResponseError(status, rows.Message())
		}
	}
}

// A ResponseError is an endpoint's answer that is not a session list. It wraps
// [ErrUnauthenticated] if the status is 401, and [ErrForbidden] if it is 403.
type ResponseError struct {
	// StatusCode is the HTTP status or, if that is 200, the envelope's.
	StatusCode int
	// Message is the message of the envelope, cut after 1 KiB, or empty if
	// there is none. The server chose it, it may hold anything, and Error
	// leaves it out.
	Message string
}

func newResponseError(status int, message string) *ResponseError {
	const limit = 1 << 10
	if len(message) > limit {
		message = strings.ToValidUTF8(message[:limit], "")
	}
	return &ResponseError{StatusCode: status, Message: message}
}

// Error returns the status.
func (e *ResponseError) Error() string {
	return strings.TrimSpace(fmt.Sprintf("the endpoint answered with status %d %s", e.StatusCode, http.StatusText(e.StatusCode)))
}

// Unwrap returns ErrUnauthenticated, ErrForbidden or nil.
func (e *ResponseError) Unwrap() error {
	switch e.StatusCode {
	case http.StatusUnauthorized:
		return ErrUnauthenticated
	case http.StatusForbidden:
		return ErrForbidden
	}
	return nil
}
