package capi_test

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/capi-go/capi"
)

// passing is an Authorizer that takes one fixed token.
func passing(token string) capi.Authorizer {
	return capi.AuthorizerFunc(func(r *http.Request) error {
		switch given := r.Header.Get("Authorization"); {
		case given == "":
			return capi.ErrUnauthenticated
		case subtle.ConstantTimeCompare([]byte(given), []byte("Bearer "+token)) != 1:
			return capi.ErrForbidden
		}
		return nil
	})
}

// get prints the handler's answer to a GET with an Authorization header.
func get(handler http.Handler, authorization string) {
	r := httptest.NewRequest("GET", "/api/v1/user/sessions", nil)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body)
}

func ExampleNewHandler() {
	sessions := capi.Sessions{{
		ID: "f188888888ffa8fd9f777777779a1f99", ClientID: capi.ClientSite,
		Time: time.Unix(1445783987, 0), UserID: 99, Username: "steve",
	}}
	mux := http.NewServeMux()
	mux.Handle("/api/v1/user/sessions", capi.NewHandler(sessions, passing("secret")))

	get(mux, "Bearer secret")
	get(mux, "Bearer guess")
	get(mux, "")
	// Output:
	// 200 {"msg":[{"session_id":"f188888888ffa8fd9f777777779a1f99","client_id":"0","guest":"0","time":"1445783987","data":null,"userid":"99","username":"steve"}],"error":false,"status":200}
	// 403 {"msg":"Not authorized.","error":true,"status":403}
	// 401 {"msg":"Not authenticated.","error":true,"status":401}
}

func ExampleHandlerOptions_NewHandler() {
	config := capi.HandlerOptions{
		CORS: capi.CORS{
			AllowedOrigins: []string{"https://dashboard.example.org"}, AllowedHeaders: []string{"Authorization"}, MaxAge: time.Hour,
		},
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Redact: []capi.Redaction{func(s capi.Session) capi.Session { // Shows who is logged in, without credentials.
			s.ID, s.Data = "", nil
			return s
		}},
		StallTimeout: 10 * time.Second,
	}
	handler, err := config.NewHandler(capi.Sessions{{ID: "secret", UserID: 99, Username: "steve"}}, passing("token"))
	if err != nil {
		fmt.Println(err)
		return
	}
	get(handler, "Bearer token")
	// Output:
	// 200 {"msg":[{"session_id":"","client_id":"0","guest":"0","time":"0","data":null,"userid":"99","username":"steve"}],"error":false,"status":200}
}

// Either token is enough.
func ExampleAnyOf() {
	header := func(name, value string) capi.Authorizer {
		return capi.AuthorizerFunc(func(r *http.Request) error {
			if subtle.ConstantTimeCompare([]byte(r.Header.Get(name)), []byte(value)) != 1 {
				return fmt.Errorf("%w: no %s", capi.ErrUnauthenticated, name)
			}
			return nil
		})
	}
	auth := capi.AnyOf(header("X-Operations", "one"), header("X-Monitoring", "two"))

	r := httptest.NewRequest("GET", "/", nil)
	fmt.Println(auth.Authorize(r))
	r.Header.Set("X-Monitoring", "two")
	fmt.Println(auth.Authorize(r))
	// Output:
	// capi: not authenticated: no X-Operations; capi: not authenticated: no X-Monitoring
	// <nil>
}

// A Store can put itself before another.
func ExampleStoreFunc() {
	all := capi.Sessions{{ID: "a", Guest: true}, {ID: "b", Username: "steve"}, {ID: "c", Guest: true}}
	users := capi.StoreFunc(func(ctx context.Context) iter.Seq2[capi.Session, error] {
		return func(yield func(capi.Session, error) bool) {
			for session, err := range all.Sessions(ctx) {
				if err == nil && session.Guest {
					continue
				}
				if !yield(session, err) {
					return
				}
			}
		}
	})
	for session, err := range users.Sessions(context.Background()) {
		fmt.Println(session.ID, session.Username, err)
	}
	// Output: b steve <nil>
}

func ExampleSessions() {
	store := capi.Sessions{{ID: "a", Username: "steve"}, {ID: "b", Guest: true}}
	for session, err := range store.Sessions(context.Background()) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(session.ID, session.Guest)
	}
	// Output:
	// a false
	// b true
}

func ExampleCollect() {
	failing := func(yield func(capi.Session, error) bool) {
		_ = yield(capi.Session{ID: "a"}, nil) && yield(capi.Session{}, errors.New("connection lost"))
	}
	sessions, err := capi.Collect(failing)
	fmt.Println(len(sessions), err)
	// Output: 1 connection lost
}

func ExampleWriteEnvelope() {
	http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := capi.WriteEnvelope(w, http.StatusOK, map[string]any{"path": r.URL.Path, "café": true}); err != nil {
			slog.ErrorContext(r.Context(), "answering", "error", err)
		}
	}).ServeHTTP(printer{}, httptest.NewRequest("GET", "/api/v1/status", nil))
	// Output: {"msg":{"caf\u00e9":true,"path":"\/api\/v1\/status"},"error":false,"status":200}
}

// printer is a ResponseWriter that prints the body.
type printer struct{}

func (printer) Header() http.Header         { return http.Header{} }
func (printer) WriteHeader(int)             {}
func (printer) Write(p []byte) (int, error) { return fmt.Println(string(p)) }

func ExampleCORS_Handler() {
	policy := capi.CORS{AllowedOrigins: []string{"https://dashboard.example.org"}, AllowCredentials: true}
	handler, err := policy.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "fine")
	}))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, origin := range []string{"https://dashboard.example.org", "https://elsewhere.example"} {
		r := httptest.NewRequest("GET", "/health", nil)
		r.Header.Set("Origin", origin)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		fmt.Printf("%s %q\n", w.Body, w.Header().Get("Access-Control-Allow-Origin"))
	}
	// Output:
	// fine "https://dashboard.example.org"
	// fine ""
}

// An answer is read in two steps, since Msg is a list or a sentence.
func ExampleEnvelope() {
	for _, answer := range []string{
		`{"msg":[{"session_id":"abc","client_id":"1","guest":"0","time":"1445783987","data":null,"userid":"99","username":"steve"}],"error":false,"status":200}`,
		`{"msg":[{"session_id":"abc","client_id":1,"guest":0,"time":1445783987,"data":null,"userid":99,"username":"steve"}],"error":false,"status":200}`,
		`{"msg":"Not authorized.","error":true,"status":403}`,
	} {
		var envelope capi.Envelope[json.RawMessage]
		if err := json.NewDecoder(strings.NewReader(answer)).Decode(&envelope); err != nil {
			fmt.Println(err)
			return
		}
		if envelope.Error {
			fmt.Println(envelope.Status, string(envelope.Msg))
			continue
		}
		var sessions []capi.Session
		if err := json.Unmarshal(envelope.Msg, &sessions); err != nil {
			fmt.Println(err)
			return
		}
		for _, session := range sessions {
			fmt.Println(session.Username, session.ClientID, session.Time.Format(time.RFC3339))
		}
	}
	// Output:
	// steve administrator 2015-10-25T14:39:47Z
	// steve administrator 2015-10-25T14:39:47Z
	// 403 "Not authorized."
}

// Lists can be compared over time, but no session can be taken over with them.
func ExamplePseudonymizeIDs() {
	key := []byte("16 random bytes!") // In a service, one of its secrets.
	pseudonyms, err := capi.PseudonymizeIDs(key)
	config := capi.HandlerOptions{Redact: []capi.Redaction{capi.MaskSecrets(), pseudonyms}}
	if err != nil {
		fmt.Println(err)
		return
	}
	handler, err := config.NewHandler(capi.Sessions{{ID: "secret", Data: capi.Payload(`token|s:3:"abc";`)}}, passing("token"))
	if err != nil {
		fmt.Println(err)
		return
	}
	get(handler, "Bearer token")
	// Output:
	// 200 {"msg":[{"session_id":"82ae24205b7806f5b83150bd4ffdeafa6f8ee75a6a60c3b2063c6a0bc86438b0","client_id":"0","guest":"0","time":"0","data":"token|s:3:\"***\";","userid":"0","username":""}],"error":false,"status":200}
}
