package capi

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// newTransport returns the default transport of a Client. It has no timeout for
// the answer, which the Client's stall timeout bounds.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		ForceAttemptHTTP2:   true,
		TLSHandshakeTimeout: 10 * time.Second,
		IdleConnTimeout:     90 * time.Second,
	}
}

// get asks the endpoint, and follows redirects on its host.
func (c *Client) get(ctx context.Context) (*http.Response, error) {
	const maxRedirects = 10
	target, err := url.Parse(c.endpoint.Reveal())
	if err != nil {
		return nil, errors.New("malformed URL") // NewClient has parsed it.
	}
	for range maxRedirects + 1 {
		response, err := c.ask(ctx, target)
		if err != nil {
			return nil, conceal(ctx, err)
		}
		location := response.Header.Get("Location")
		switch response.StatusCode {
		case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		default:
			return response, nil
		}
		response.Body.Close()
		refused := newResponseError(response.StatusCode, "")
		next, err := target.Parse(location)
		if err != nil || location == "" {
			return nil, fmt.Errorf("redirect without a valid Location: %w", refused)
		}
		if !sameHost(target, next) {
			return nil, fmt.Errorf("redirect to another host, scheme or port, which is not followed: %w", refused)
		}
		next.User = nil
		target = next
	}
	return nil, fmt.Errorf("more than %d redirects", maxRedirects)
}

// ask sends one request.
func (c *Client) ask(ctx context.Context, target *url.URL) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	if cookie := c.options.Cookie.Reveal(); cookie != "" {
		request.Header.Set("Cookie", cookie)
	}
	if token := c.options.APIToken.Reveal(); token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
		request.Header.Set("X-Joomla-Token", token)
	}
	if token := c.options.CAPIToken.Reveal(); token != "" {
		request.Header.Set("token", token)
	}
	return c.http.Do(request)
}

// sameHost reports whether credentials for one URL may be sent to the other:
// scheme, host and port are the same, or it is the default TLS port of the same
// host.
func sameHost(from, to *url.URL) bool {
	if !strings.EqualFold(from.Hostname(), to.Hostname()) {
		return false
	}
	same := from.Scheme == to.Scheme && port(from) == port(to)
	safer := from.Scheme == "http" && to.Scheme == "https" && port(from) == "80" && port(to) == "443"
	return same || safer
}

func port(u *url.URL) string {
	if port := u.Port(); port != "" {
		return port
	}
	if u.Scheme == "https" {
		return "443"
	}
	return "80"
}

// errStalled is the cause of a context that ended because the server sent
// nothing.
var errStalled = fmt.Errorf("the server stalled: %w", os.ErrDeadlineExceeded)

// A bodyReader reads the body of an answer. The timer watch runs only while a
// read waits for the server.
type bodyReader struct {
	ctx   context.Context
	body  io.Reader
	watch *time.Timer
	stall time.Duration
}

func (r *bodyReader) Read(p []byte) (int, error) {
	r.watch.Reset(r.stall)
	n, err := r.body.Read(p)
	r.watch.Stop()
	if err != nil && err != io.EOF {
		err = conceal(r.ctx, err)
	}
	return n, err
}

// conceal hides the text of err, an error of net/http, which may hold the URL
// or what the server sent.
func conceal(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		if cause := context.Cause(ctx); errors.Is(cause, errStalled) {
			return cause
		}
		return ctx.Err()
	}
	var inURL *url.Error
	if errors.As(err, &inURL) {
		err = inURL.Err
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return io.ErrUnexpectedEOF
	}
	return concealedError{err}
}

// A concealedError is an error whose text shows only what the network and TLS
// say, and whether the server has TLS.
type concealedError struct{ err error }

func (e concealedError) Error() string {
	var network *net.OpError
	var certificate *tls.CertificateVerificationError
	var timeout net.Error
	switch {
	case errors.As(e.err, &certificate):
		return certificate.Error()
	case errors.As(e.err, &network) && (network.Op == "dial" || network.Op == "read" || network.Op == "write"):
		return network.Error()
	case errors.Is(e.err, http.ErrSchemeMismatch):
		return "the server speaks HTTP, not HTTPS"
	case errors.As(e.err, &timeout) && timeout.Timeout():
		return "timeout"
	}
	return "the connection failed, or the answer is not HTTP"
}

func (e concealedError) Unwrap() error { return e.err }
