package integration_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	openapi "github.com/pb33f/libopenapi/datamodel/high/v3"
	"github.com/pb33f/libopenapi/orderedmap"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/internal/joomlatest"
)

const endpoint = "/api/v1/user/sessions"

// A description is the OpenAPI document of the library, with validators for
// requests and answers.
type description struct {
	model *openapi.Document
	// requests is not strict, since strict mode does not know cookies that are
	// security schemes.
	requests validator.Validator
	// answers is strict: headers and members that are not described are errors.
	answers validator.Validator
}

// described returns the description.
func described(t *testing.T) description {
	t.Helper()
	document, err := libopenapi.NewDocument(capi.OpenAPI())
	require.NoError(t, err)
	model, err := document.BuildV3Model()
	require.NoError(t, err)
	requests, errs := validator.NewValidator(document)
	require.Empty(t, errs)
	answers, errs := validator.NewValidator(document, config.WithStrictMode(), config.WithRejectUnsupportedBodyContent())
	require.Empty(t, errs)
	return description{&model.Model, requests, answers}
}

// An answer is a whole HTTP answer that can be read more than once.
type answer struct {
	status int
	header http.Header
	body   string
}

// check returns what is wrong with a as an answer to method, or nothing.
func (d description) check(t *testing.T, method string, a answer) []string {
	t.Helper()
	if !slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodOptions}, method) {
		// OpenAPI has no place for methods that do not exist: GET describes
		// their answer.
		require.Equal(t, http.StatusMethodNotAllowed, a.status)
		method = http.MethodGet
	}
	request := httptest.NewRequest(method, endpoint, nil)
	response := &http.Response{
		StatusCode: a.status, Header: a.header.Clone(), Body: io.NopCloser(strings.NewReader(a.body)),
		ContentLength: int64(len(a.body)), Request: request,
	}
	valid, problems := d.answers.ValidateHttpResponse(request, response)
	var wrong []string
	for _, problem := range problems {
		wrong = append(wrong, problem.Error())
	}
	assert.Equal(t, len(wrong) == 0, valid)
	// The validator ignores bodies that are missing or not described.
	operation := d.model.Paths.PathItems.GetOrZero(endpoint).GetOperations().GetOrZero(strings.ToLower(method))
	described := operation.Responses.Codes.GetOrZero(strconv.Itoa(a.status))
	if described != nil && (orderedmap.Len(described.Content) > 0) != (a.body != "") {
		wrong = append(wrong, "a body that is not described, or none where one is")
	}
	return wrong
}

// ask sends a request to handler through a real server and connection.
func ask(t *testing.T, handler http.Handler, method string, header http.Header) answer {
	t.Helper()
	server := httptest.NewServer(handler)
	defer server.Close()
	request, err := http.NewRequestWithContext(t.Context(), method, server.URL+endpoint, nil)
	require.NoError(t, err)
	request.Header = header.Clone()
	response, err := server.Client().Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return answer{response.StatusCode, response.Header, string(body)}
}

// handlerOf returns the handler of a site with a policy.
func handlerOf(t *testing.T, site *capi.Site, cors capi.CORS) http.Handler {
	t.Helper()
	handler, err := capi.HandlerOptions{CORS: cors, Logger: slog.New(slog.DiscardHandler)}.NewHandler(
		capi.NewSQLStore(site), guardOf(t, site))
	require.NoError(t, err)
	return handler
}

func TestOpenAPIDocumentIsValid(t *testing.T) {
	t.Parallel()
	d := described(t)
	assert.True(t, strings.HasPrefix(d.model.Version, "3.1."))
	valid, problems := d.answers.ValidateDocument()
	for _, problem := range problems {
		t.Error(problem)
	}
	assert.True(t, valid)

	broken := bytes.Replace(capi.OpenAPI(), []byte("operationId: listUserSessions"), []byte("operationID: 7"), 1)
	document, err := libopenapi.NewDocument(broken)
	require.NoError(t, err)
	v, errs := validator.NewValidator(document)
	require.Empty(t, errs)
	valid, _ = v.ValidateDocument()
	assert.False(t, valid, "a document that is not OpenAPI")
}

// Every answer, with the contract's policy and with one that names origins.
func TestOpenAPIDescribesEveryAnswer(t *testing.T) {
	t.Parallel()
	d := described(t)
	s := joomla5(t, sqlite())
	known := s.capi(t, nil)
	failure := errors.New("the database is gone")
	quiet := slog.New(slog.DiscardHandler)
	dashboard := capi.CORS{
		AllowedOrigins: []string{"https://dashboard.example.org"}, AllowCredentials: true, MaxAge: time.Minute,
	}
	preflight := http.Header{"Origin": {"https://dashboard.example.org"}, "Access-Control-Request-Method": {"GET"}}

	for _, cors := range []struct {
		name   string
		policy capi.CORS
	}{{"default policy", capi.CORS{}}, {"named origin", dashboard}} {
		handler := handlerOf(t, known, cors.policy)
		failing := func(store capi.Store, auth capi.Authorizer) http.Handler {
			h, err := capi.HandlerOptions{CORS: cors.policy, Logger: quiet}.NewHandler(store, auth)
			require.NoError(t, err)
			return h
		}
		brokenStore := failing(
			capi.StoreFunc(func(context.Context) iter.Seq2[capi.Session, error] {
				return func(yield func(capi.Session, error) bool) { yield(capi.Session{}, failure) }
			}),
			capi.AuthorizerFunc(func(*http.Request) error { return nil }))
		brokenAuthorizer := failing(capi.Sessions{}, capi.AuthorizerFunc(func(*http.Request) error { return failure }))
		unavailable := failing(capi.Sessions{}, capi.AuthorizerFunc(func(*http.Request) error { return capi.ErrUnavailable }))
		emptyStore := failing(capi.Sessions{}, capi.AuthorizerFunc(func(*http.Request) error { return nil }))

		for _, test := range []struct {
			name    string
			handler http.Handler
			method  string
			header  http.Header
			status  int
		}{
			{"list", handler, "GET", s.CookieOf(t, "super"), 200},
			{"empty list", emptyStore, "GET", nil, 200},
			{"head", handler, "HEAD", s.CookieOf(t, "super"), 200},
			{"preflight", handler, "OPTIONS", preflight, 204},
			{"options without a preflight", handler, "OPTIONS", nil, 204},
			{"no credentials", handler, "GET", nil, 401},
			{"head without credentials", handler, "HEAD", nil, 401},
			{"unusable credentials", handler, "GET", http.Header{"Authorization": {"Bearer ?"}}, 401},
			{"not core.admin", handler, "GET", s.CookieOf(t, "registered"), 403},
			{"head, not core.admin", handler, "HEAD", s.CookieOf(t, "registered"), 403},
			{"blocked", handler, "GET", s.CookieOf(t, "super_blocked"), 403},
			{"not activated", handler, "GET", s.CookieOf(t, "super_unactivated"), 403},
			{"due for a password reset", handler, "GET", s.CookieOf(t, "super_must_reset"), 403},
			{"post", handler, "POST", s.CookieOf(t, "super"), 405},
			{"delete", handler, "DELETE", nil, 405},
			{"a method of no standard", handler, "BREW", nil, 405},
			{"store fails", brokenStore, "GET", nil, 500},
			{"authorizer fails", brokenAuthorizer, "GET", nil, 500},
			{"authorizer fails for head", brokenAuthorizer, "HEAD", nil, 500},
			{"not available", unavailable, "GET", nil, 503},
			{"not available for head", unavailable, "HEAD", nil, 503},
		} {
			t.Run(cors.name+"/"+test.name, func(t *testing.T) {
				for _, origin := range []string{"", "https://dashboard.example.org", "https://other.example.org"} {
					header := http.Header{}
					for name, values := range test.header {
						header[name] = values
					}
					if origin != "" {
						header.Set("Origin", origin)
					}
					got := ask(t, test.handler, test.method, header)
					assert.Equal(t, test.status, got.status)
					assert.Empty(t, d.check(t, test.method, got), "asked from %q", origin)
				}
			})
		}
	}
}

// Every recorded request, with any kind of credential, is answered as
// described.
func TestOpenAPIDescribesRecordedRequests(t *testing.T) {
	t.Parallel()
	d := described(t)
	for _, name := range []string{"j5", "j3"} {
		s := newSite(t, sqlite(), joomlatest.Joomla42, joomlatest.Recorded(name))
		handler := handlerOf(t, s.capi(t, nil), capi.CORS{})
		requests := map[string]http.Header{}
		for _, session := range s.Sessions {
			requests["session of "+session.Username+" "+capi.ClientID(session.ClientID).String()] =
				http.Header{"Cookie": {session.Cookie.Name + "=" + session.Cookie.Value}}
		}
		for _, use := range s.APITokens {
			header := http.Header{}
			for name, value := range use.Headers {
				header.Set(name, value)
			}
			requests["token, "+use.Name] = header
		}
		statuses := map[int]int{}
		for title, header := range requests {
			got := ask(t, handler, http.MethodGet, header)
			statuses[got.status]++
			assert.Empty(t, d.check(t, http.MethodGet, got), "%s: %s", name, title)
		}
		assert.NotZero(t, statuses[200])
		assert.NotZero(t, statuses[403])
	}
}

// The library accepts each way to authenticate, by the names in the document.
func TestOpenAPIWaysToAuthenticate(t *testing.T) {
	t.Parallel()
	d := described(t)
	schemes := d.model.Components.SecuritySchemes
	data := joomlatest.Recorded("j5")
	data.Tables["services_tokens"] = []row{{"userid": "102", "token": "a sample token", "state": "1"}}
	s := newSite(t, sqlite(), joomlatest.Joomla42, data)

	bearer, session := "", ""
	for _, use := range data.APITokens {
		if use.Name == "bearer sha256 super" {
			bearer = use.Headers["Authorization"]
		}
	}
	require.NotEmpty(t, bearer)
	_, session, _ = strings.Cut(data.CookieOf(t, "super").Get("Cookie"), "=")
	cookie := schemes.GetOrZero("joomlaSession")
	require.Contains(t, cookie.Description, "`sample-secret`")

	ways := map[string]struct {
		site   *capi.Site
		header http.Header
	}{
		"joomlaSession": {
			s.capi(t, func(c *capi.SiteConfig) { c.Secret = capi.NewSecret("sample-secret") }),
			http.Header{"Cookie": {cookie.Name + "=" + session}},
		},
		"joomlaAPIToken": {s.capi(t, nil), http.Header{"Authorization": {bearer}}},
		"joomlaAPITokenHeader": {s.capi(t, nil), http.Header{
			http.CanonicalHeaderKey(schemes.GetOrZero("joomlaAPITokenHeader").Name): {strings.TrimPrefix(bearer, "Bearer ")},
		}},
		"capiToken": {s.capi(t, nil), http.Header{
			http.CanonicalHeaderKey(schemes.GetOrZero("capiToken").Name): {"a sample token"},
		}},
	}
	for name := range schemes.KeysFromOldest() {
		t.Run(name, func(t *testing.T) {
			way, known := ways[name]
			require.True(t, known)
			request := httptest.NewRequest(http.MethodGet, endpoint, nil)
			valid, _ := d.requests.ValidateHttpRequest(request)
			assert.False(t, valid, "a request without credentials")
			request.Header = way.header.Clone()
			valid, problems := d.requests.ValidateHttpRequest(request)
			assert.True(t, valid, problems)

			got := ask(t, handlerOf(t, way.site, capi.CORS{}), http.MethodGet, way.header)
			assert.Equal(t, http.StatusOK, got.status)
			assert.Empty(t, d.check(t, http.MethodGet, got))
		})
	}
}

// The examples in the document are as it describes.
func TestOpenAPIExamples(t *testing.T) {
	t.Parallel()
	d := described(t)
	count := 0
	get := d.model.Paths.PathItems.GetOrZero(endpoint).Get
	for code, response := range get.Responses.Codes.FromOldest() {
		media := response.Content.GetOrZero("application/json")
		require.NotNil(t, media, code)
		header := http.Header{"Content-Type": {"application/json"}}
		for name, described := range response.Headers.FromOldest() {
			if described.Required {
				header.Set(name, described.Schema.Schema().Const.Value)
			}
		}
		check := func(name string, decode func(any) error) {
			count++
			var value any
			require.NoError(t, decode(&value))
			body, err := json.Marshal(value)
			require.NoError(t, err)
			var envelope struct{ Status int }
			require.NoError(t, json.Unmarshal(body, &envelope))
			assert.Empty(t, d.check(t, http.MethodGet, answer{envelope.Status, header, string(body)}), "%s %s", code, name)
			if envelope.Status == http.StatusOK {
				assert.NoError(t, json.Unmarshal(body, &capi.Envelope[[]capi.Session]{}), name)
			}
		}
		if media.Example != nil {
			check("example", media.Example.Decode)
		}
		for name, example := range media.Examples.FromOldest() {
			check(name, example.Value.Decode)
		}
	}
	assert.Equal(t, 9, count)
}

// The validator finds errors.
func TestOpenAPIRefusesWrongAnswers(t *testing.T) {
	t.Parallel()
	d := described(t)
	s := joomla5(t, sqlite())
	handler := handlerOf(t, s.capi(t, nil), capi.CORS{})
	list := ask(t, handler, http.MethodGet, s.CookieOf(t, "super"))
	refusal := ask(t, handler, http.MethodGet, nil)
	allowed := ask(t, handler, http.MethodOptions, nil)
	require.Empty(t, d.check(t, http.MethodGet, list))
	require.Empty(t, d.check(t, http.MethodGet, refusal))
	require.Empty(t, d.check(t, http.MethodOptions, allowed))

	for _, test := range []struct {
		name   string
		method string
		right  answer
		change func(*answer)
	}{
		{"a number for a string", "GET", list, replace(`"guest":"1"`, `"guest":1`)},
		{"a guest that is neither", "GET", list, replace(`"guest":"1"`, `"guest":"2"`)},
		{"a time that is a date", "GET", list, replace(`"time":"1`, `"time":"2026-11-24 1`)},
		{"a null that may not be", "GET", list, replace(`"username":""`, `"username":null`)},
		{"a member less", "GET", list, replace(`"guest":"1",`, ``)},
		{"a member more", "GET", list, replace(`"guest":"1"`, `"guest":"1","password":"x"`)},
		{"an error that is the list", "GET", list, replace(`"error":false`, `"error":true`)},
		{"a status that is another", "GET", list, replace(`"status":200`, `"status":201`)},
		{"a list cut short", "GET", list, func(a *answer) { a.body = a.body[:len(a.body)/2] }},
		{"no list", "GET", list, func(a *answer) { a.body = "" }},
		{"another type of content", "GET", list, set("Content-Type", "text/html")},
		{"to be stored", "GET", list, set("Cache-Control", "max-age=60")},
		{"nothing said of storing", "GET", list, set("Cache-Control", "")},
		{"a header more", "GET", list, set("X-Powered-By", "PHP")},
		{"another status code", "GET", list, func(a *answer) { a.status = http.StatusPartialContent }},
		{"a refusal that tells more", "GET", refusal, replace("Not authenticated.", "No such user.")},
		{"a refusal that is no error", "GET", refusal, replace(`"error":true`, `"error":false`)},
		{"a refusal of another status", "GET", refusal, replace(`"status":401`, `"status":403`)},
		{"a refusal without a challenge", "GET", refusal, set("Www-Authenticate", "")},
		{"methods that are not there", "OPTIONS", allowed, set("Allow", "GET, POST")},
		{"a body to HEAD", "HEAD", list, func(*answer) {}},
	} {
		t.Run(test.name, func(t *testing.T) {
			wrong := answer{test.right.status, test.right.header.Clone(), test.right.body}
			test.change(&wrong)
			require.False(t, test.method == http.MethodGet && reflect.DeepEqual(test.right, wrong), "nothing was changed")
			assert.NotEmpty(t, d.check(t, test.method, wrong))
		})
	}
}

// replace returns a change that replaces the first part in a body.
func replace(part, by string) func(*answer) {
	return func(a *answer) { a.body = strings.Replace(a.body, part, by, 1) }
}

// set returns a change that sets a header, or removes it if value is empty.
func set(name, value string) func(*answer) {
	return func(a *answer) {
		a.header.Del(name)
		if value != "" {
			a.header.Set(name, value)
		}
	}
}
