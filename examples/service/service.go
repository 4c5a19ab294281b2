package main

import (
	"context"
	"crypto/subtle"
	"database/sql"
	"encoding/json"
	"io"
	"iter"
	"net/http"
	"sync"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/page"
)

// listPath is the path of the session list.
const listPath = "/api/v1/user/sessions"

// newService returns the service of a site, with a list that also has the
// sessions of elsewhere.
func newService(db *sql.DB, config capi.SiteConfig, elsewhere capi.Store) (http.Handler, error) {
	site, err := capi.NewSite(db, config)
	if err != nil {
		return nil, err
	}
	cookies, err := capi.NewSessionAuthorizer(site)
	if err != nil {
		return nil, err
	}
	sessions := capi.NewSQLStore(site)
	auth := capi.AnyOf(capi.NewAPITokenAuthorizer(site), capi.NewCAPITokenAuthorizer(site), cookies)
	mux := http.NewServeMux()
	mux.Handle(listPath, capi.NewHandler(merged{sessions, elsewhere}, auth))
	// README: service
	mux.Handle("GET /me", capi.Require(auth, capi.LoggedIn)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, _ := capi.UserFromContext(r.Context())
		_ = json.NewEncoder(w).Encode(user) // {"id":35,"username":"admin","name":"…","email":"…","groups":[1,8],…}
	})))
	staff := capi.Require(auth, capi.InGroup(6, 8)) // Managers, Super Users, and all groups below them
	mux.Handle("/notice", staff(new(notice)))
	// README: end
	mux.Handle("GET /me/sessions", capi.Require(auth, capi.LoggedIn)(mySessions(site)))
	who, err := page.NewHandler(page.Site{
		Store: sessions, Summary: capi.SQLStoreOptions{OmitData: true}.NewSQLStore(site), Auth: auth, Joomla: site,
	})
	if err != nil {
		return nil, err
	}
	mux.Handle("/capi/", who)
	// Browsers send the site's cookie with forms of other sites, too. These
	// must not change anything.
	return http.NewCrossOriginProtection().Handler(mux), nil
}

// mySessions answers with the places where the user is logged in.
func mySessions(site *capi.Site) http.Handler {
	type session struct {
		Application string `json:"application"`
		Since       string `json:"last_request"`
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, _ := capi.UserFromContext(r.Context())
		store := capi.SQLStoreOptions{Users: []int64{user.ID}, ActiveOnly: true, OmitData: true}.NewSQLStore(site)
		list := []session{}
		for s, err := range store.Sessions(r.Context()) {
			if err != nil {
				http.Error(w, "Internal server error.", http.StatusInternalServerError)
				return
			}
			list = append(list, session{s.ClientID.String(), s.Time.UTC().Format(http.TimeFormat)})
		}
		_ = json.NewEncoder(w).Encode(list)
	})
}

// A notice is a text that GET reads and PUT changes.
type notice struct {
	mutex sync.Mutex
	text  string
}

// ServeHTTP implements http.Handler.
func (n *notice) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodPut:
		text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<10))
		if err != nil {
			http.Error(w, "A notice has 1 KiB at most.", http.StatusBadRequest)
			return
		}
		n.mutex.Lock()
		n.text = string(text)
		n.mutex.Unlock()
		w.WriteHeader(http.StatusNoContent)
		return
	default:
		w.Header().Set("Allow", "GET, HEAD, PUT")
		http.Error(w, "Method not allowed.", http.StatusMethodNotAllowed)
		return
	}
	n.mutex.Lock()
	defer n.mutex.Unlock()
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, n.text)
}

// merged is a Store of the sessions of several, one after the other.
type merged []capi.Store

// Sessions implements capi.Store.
func (m merged) Sessions(ctx context.Context) iter.Seq2[capi.Session, error] {
	return func(yield func(capi.Session, error) bool) {
		for _, store := range m {
			for session, err := range store.Sessions(ctx) {
				if !yield(session, err) || err != nil {
					return
				}
			}
		}
	}
}

// A bearer accepts whoever has the token.
func bearer(token string) capi.Authorizer {
	want := []byte("Bearer " + token)
	return capi.AuthorizerFunc(func(r *http.Request) error {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), want) != 1 {
			return capi.ErrUnauthenticated
		}
		capi.SetUser(r.Context(), capi.User{Credential: "service"})
		return nil
	})
}
