package main

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/capitest"
	"github.com/capi-go/capi/examples/internal/process"
	"github.com/capi-go/capi/storetest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
)

// A mockStore is a Store whose sessions a test sets.
type mockStore struct{ mock.Mock }

func (m *mockStore) Sessions(ctx context.Context) iter.Seq2[capi.Session, error] {
	return m.Called(ctx).Get(0).(iter.Seq2[capi.Session, error])
}

// ask returns the answer of the service, asked with cookie if there is one.
func ask(service http.Handler, method, path, body string, cookie *http.Cookie, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if cookie != nil {
		r.AddCookie(cookie)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	service.ServeHTTP(w, r)
	return w
}

func TestService(t *testing.T) {
	joomla := capitest.NewSite(t)
	super := joomla.AddUser(capitest.User{Username: "super", Groups: []int64{capitest.SuperUsers}})
	manager := joomla.AddUser(capitest.User{Username: "manager", Groups: []int64{capitest.Administrator}}) // The group is below Managers.
	plain := joomla.AddUser(capitest.User{Username: "plain"})
	waiting := joomla.AddUser(capitest.User{Username: "waiting", Groups: []int64{capitest.SuperUsers}, SecondFactor: true})
	elsewhere := new(mockStore)
	elsewhere.On("Sessions", mock.Anything).Return(capi.Sessions{{ID: "elsewhere"}}.Sessions(t.Context()))
	service, err := newService(joomla.DB(), joomla.Config(), elsewhere)
	require.NoError(t, err)

	cookies := map[string]*http.Cookie{
		"super": super.Cookie(), "manager": manager.Cookie(), "plain": plain.Cookie(), "guest": joomla.AddGuest(),
		"waiting": waiting.Login(capitest.Login{SecondFactorPending: true}), "nobody": nil,
	}
	for route, wants := range map[string]map[string]int{
		"GET /me":          {"super": 200, "manager": 200, "plain": 200, "guest": 401, "waiting": 403, "nobody": 401},
		"GET /me/sessions": {"super": 200, "manager": 200, "plain": 200, "guest": 401, "waiting": 403, "nobody": 401},
		"GET /notice":      {"super": 200, "manager": 200, "plain": 403, "guest": 401, "waiting": 403, "nobody": 401},
		"PUT /notice":      {"super": 204, "manager": 204, "plain": 403, "guest": 401, "waiting": 403, "nobody": 401},
		"DELETE /notice":   {"super": 405, "nobody": 401},
		"GET " + listPath:  {"super": 200, "manager": 403, "plain": 403, "guest": 401, "waiting": 403, "nobody": 401},
		"GET /capi/feed":   {"super": 200, "manager": 403, "plain": 403, "guest": 401, "waiting": 403, "nobody": 401},
	} {
		method, path, _ := strings.Cut(route, " ")
		for who, want := range wants {
			assert.Equal(t, want, ask(service, method, path, "text", cookies[who]).Code, "%s by %s", route, who)
		}
	}

	w := ask(service, "GET", "/me", "", cookies["manager"])
	assert.JSONEq(t, `{"id":102,"username":"manager","name":"Manager","email":"manager@example.org","groups":[1,6,7],"direct_groups":[7],
		"super_admin":false,"blocked":false,"credential":"session"}`, w.Body.String())
	assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	manager.Login(capitest.Login{Administrator: true})
	w = ask(service, "GET", "/me/sessions", "", cookies["manager"])
	assert.Equal(t, 2, strings.Count(w.Body.String(), "application"))

	var list capi.Envelope[[]capi.Session]
	require.NoError(t, json.Unmarshal(ask(service, "GET", listPath, "", cookies["super"]).Body.Bytes(), &list))
	require.Len(t, list.Msg, 7)
	assert.Equal(t, "elsewhere", list.Msg[6].ID)

	// A page of another site can make a browser send the cookie.
	w = ask(service, "PUT", "/notice", "evil", cookies["super"], "Sec-Fetch-Site", "cross-site")
	assert.Equal(t, http.StatusForbidden, w.Code)
	assert.Equal(t, "text", ask(service, "GET", "/notice", "", cookies["super"]).Body.String())
	assert.Equal(t, http.StatusBadRequest, ask(service, "PUT", "/notice", strings.Repeat("a", 2<<10), cookies["super"]).Code)

	// A database that is down is a failure, neither access nor a refusal.
	require.NoError(t, joomla.DB().Close())
	for _, path := range []string{"/me", "/notice", listPath} {
		assert.Equal(t, http.StatusInternalServerError, ask(service, "GET", path, "", cookies["super"]).Code, path)
	}
}

func TestMergedConforms(t *testing.T) {
	storetest.Run(t, func(t *testing.T, sessions []capi.Session) capi.Store {
		return merged{capi.Sessions(sessions[:len(sessions)/2]), capi.Sessions(nil), capi.Sessions(sessions[len(sessions)/2:])}
	})
}

func TestMergedFails(t *testing.T) {
	down := errors.New("down")
	broken := new(mockStore)
	broken.On("Sessions", mock.Anything).Return(iter.Seq2[capi.Session, error](func(yield func(capi.Session, error) bool) { yield(capi.Session{}, down) }))
	never := new(mockStore)
	list, err := capi.Collect(merged{capi.Sessions{{ID: "a"}}, broken, never}.Sessions(t.Context()))
	assert.Equal(t, down, err)
	assert.Len(t, list, 1)
	never.AssertNotCalled(t, "Sessions", mock.Anything)
}

func TestProgram(t *testing.T) {
	program := process.Start(t, process.Build(t), "-addr", "127.0.0.1:0")
	program.WaitFor(t, "/notice")
	cookie := regexp.MustCompile(`--cookie (\S+)`).FindStringSubmatch(program.Output())[1]
	token := regexp.MustCompile(`Bearer [^']+`).FindString(program.Output())

	status, body, _ := program.Get(t, "/me", "Cookie", cookie)
	require.Equal(t, http.StatusOK, status)
	assert.Contains(t, body, `"username":"registered"`)
	status, _, _ = program.Get(t, "/notice", "Cookie", cookie)
	assert.Equal(t, http.StatusForbidden, status)
	status, _, _ = program.Get(t, "/notice", "Cookie", cookie, "Authorization", token)
	assert.Equal(t, http.StatusOK, status, "the token counts first")

	status, body, _ = program.Get(t, listPath, "Authorization", token)
	require.Equal(t, http.StatusOK, status)
	var list capi.Envelope[[]capi.Session]
	require.NoError(t, json.Unmarshal([]byte(body), &list))
	assert.Greater(t, len(list.Msg), 100)
	assert.Equal(t, "steve", list.Msg[len(list.Msg)-1].Username)
	_, body, _ = program.Get(t, "/metrics")
	assert.Contains(t, body, `http_requests_total{code="200"} 3`)
	program.Interrupt(t)
}
