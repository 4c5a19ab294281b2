package capi

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/capi-go/capi/internal/origin"
)

// A CORS is a policy of cross-origin resource sharing (the Fetch standard,
// "CORS protocol"): which pages of other origins may have a browser read the
// answers. It guards nothing by itself; the [Authorizer] does.
//
// The zero value is the contract's policy. It puts the same three headers on
// every answer, whoever asks. So pages of any origin may read, but only with
// credentials that they hold themselves (the header token): a browser keeps
// answers to requests with cookies from them. Under a policy that names
// origins, others get no CORS headers at all.
//
// If policies are nested, the outermost answers preflights, so it decides what
// pages may send. The headers of other answers are only those of the innermost,
// which decides what pages may read: a mix of two can allow more than either.
type CORS struct {
	// Disabled leaves CORS to the code around the handler, which then sets no
	// CORS headers and answers no preflights. Use it inside the CORS middleware
	// of another package, or inside [CORS.Handler]. It is an error if any other
	// field is set, too.
	Disabled bool
	// AllowedOrigins are the origins whose pages may read, such as
	// "https://dashboard.example.org": scheme and host, and port unless it is
	// the scheme's own, as a browser writes them. Nil is the contract's "*",
	// which means any, and must be the only one. An empty slice is none.
	AllowedOrigins []string
	// AllowedMethods are the methods that a page may use. Nil is the contract's
	// PUT, GET, POST, DELETE and OPTIONS; an empty slice is only those that
	// pages may always use: GET, HEAD and POST.
	AllowedMethods []string
	// AllowedHeaders are the request headers that a page may set. Nil is the
	// contract's X-Requested-With, Origin, Content-Type, token, dlid and nonce.
	// Pages that send a Joomla API token need Authorization or X-Joomla-Token
	// here.
	AllowedHeaders []string
	// AllowCredentials lets those pages read answers to requests that carry the
	// site's cookies, so that a Super Admin's own session authorizes them. It
	// needs named origins, and cookies of Joomla that are SameSite=None.
	// Without it, a browser keeps such answers from them.
	AllowCredentials bool
	// MaxAge is how long a browser may keep the answer to a preflight, cut to
	// whole seconds. Zero leaves that to the browser; less is an error.
	MaxAge time.Duration

	_ struct{} // Settings are written with names.
}

// Handler returns a handler that applies the policy to the answers of next, and
// answers preflights itself, with 204. It is for other routes than the handler
// of this package, which applies the policy of its [HandlerOptions]: wrapping
// that handler is an error unless its own policy is Disabled. The returned
// handler is safe for concurrent use if next is; changing c later does not
// change it. The error names everything that is wrong with c. Handler panics if
// next is nil.
func (c CORS) Handler(next http.Handler) (http.Handler, error) {
	if isNil(next) {
		panic("capi: nil Handler")
	}
	policy, err := c.compile()
	if list, ok := next.(*handler); ok && list.cors != nil {
		err = errors.Join(err, errors.New("capi: CORS: the handler of NewHandler has a policy already: "+
			"set HandlerOptions.CORS instead, or disable it there"))
	}
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !policy.apply(w, r) {
			next.ServeHTTP(w, r)
		}
	}), nil
}

// corsPolicy is a CORS policy that has been checked, ready to be applied. Nil
// is none.
type corsPolicy struct {
	origins     []string // nil: any
	methods     []string
	allow       [3]string // the values of the contract's three headers; the origin only where it is "*"
	credentials bool
	maxAge      string
}

func (c CORS) compile() (*corsPolicy, error) {
	if c.Disabled {
		if c.AllowedOrigins != nil || c.AllowedMethods != nil || c.AllowedHeaders != nil || c.AllowCredentials || c.MaxAge != 0 {
			return nil, errors.New("capi: CORS: a disabled policy has other settings")
		}
		return nil, nil
	}
	if c.AllowedOrigins == nil {
		c.AllowedOrigins = []string{"*"}
	}
	if c.AllowedMethods == nil {
		c.AllowedMethods = []string{"PUT", "GET", "POST", "DELETE", "OPTIONS"}
	}
	if c.AllowedHeaders == nil {
		c.AllowedHeaders = []string{"X-Requested-With", "Origin", "Content-Type", "token", "dlid", "nonce"}
	}
	policy := &corsPolicy{methods: slices.Clone(c.AllowedMethods), credentials: c.AllowCredentials}
	var errs []error
	if slices.Contains(c.AllowedOrigins, "*") {
		if len(c.AllowedOrigins) > 1 {
			errs = append(errs, errors.New(`capi: CORS: the origin "*" cannot be combined with others`))
		}
		if c.AllowCredentials {
			errs = append(errs, errors.New(`capi: CORS: credentials cannot be allowed to the origin "*"`))
		}
		policy.allow[0] = "*"
	} else {
		policy.origins = slices.Clone(c.AllowedOrigins)
		for _, allowed := range policy.origins {
			if !origin.Valid(allowed) {
				errs = append(errs, fmt.Errorf("capi: CORS: %q is not an origin", allowed))
			}
		}
	}
	for _, name := range slices.Concat(c.AllowedMethods, c.AllowedHeaders) {
		if !validToken(name) {
			errs = append(errs, fmt.Errorf("capi: CORS: %q is neither a method nor a header", name))
		}
		if name == "*" && c.AllowCredentials {
			errs = append(errs, errors.New(`capi: CORS: "*" does not mean all methods or headers with credentials`))
		}
	}
	if c.MaxAge < 0 {
		errs = append(errs, fmt.Errorf("capi: CORS: negative MaxAge %v", c.MaxAge))
	}
	policy.allow[1] = strings.Join(c.AllowedHeaders, ", ")
	policy.allow[2] = strings.Join(c.AllowedMethods, ", ")
	if seconds := int64(c.MaxAge / time.Second); seconds > 0 {
		policy.maxAge = strconv.FormatInt(seconds, 10)
	}
	return policy, errors.Join(errs...)
}

// validToken reports whether name is a token of RFC 9110, section 5.6.2.
func validToken(name string) bool {
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0:
		default:
			return false
		}
	}
	return name != ""
}

// apply sets the CORS headers of the answer to r. It answers a preflight, and
// reports whether r is one.
func (p *corsPolicy) apply(w http.ResponseWriter, r *http.Request) (done bool) {
	if p == nil {
		return false
	}
	header := w.Header()
	for _, name := range [...]string{ // As [http.CanonicalHeaderKey] has them.
		"Access-Control-Allow-Origin", "Access-Control-Allow-Headers", "Access-Control-Allow-Methods",
		"Access-Control-Allow-Credentials", "Access-Control-Max-Age", "Access-Control-Expose-Headers",
	} {
		delete(header, name)
	}
	origin := p.allow[0]
	requested := r.Header.Get("Access-Control-Request-Method")
	preflight := r.Method == http.MethodOptions && r.Header.Get("Origin") != "" && requested != ""
	if p.origins != nil {
		// Added, never set: handlers around this one may vary their answers
		// by more.
		header.Add("Vary", "Origin")
		if origin = r.Header.Get("Origin"); !slices.Contains(p.origins, origin) || preflight && !p.allowsMethod(requested) {
			origin = ""
		}
	}
	if origin != "" {
		header.Set("Access-Control-Allow-Origin", origin)
		if p.allow[1] != "" {
			header.Set("Access-Control-Allow-Headers", p.allow[1])
		}
		if p.allow[2] != "" {
			header.Set("Access-Control-Allow-Methods", p.allow[2])
		}
		if p.credentials {
			header.Set("Access-Control-Allow-Credentials", "true")
		}
		if preflight && p.maxAge != "" {
			header.Set("Access-Control-Max-Age", p.maxAge)
		}
	}
	if preflight {
		w.WriteHeader(http.StatusNoContent)
	}
	return preflight
}

// allowsMethod reports whether a page may use method. The Fetch standard always
// lets it use GET, HEAD and POST.
func (p *corsPolicy) allowsMethod(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost:
		return true
	}
	return slices.Contains(p.methods, method) || slices.Contains(p.methods, "*")
}
