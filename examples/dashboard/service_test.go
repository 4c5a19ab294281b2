package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/capi-go/capi"
	"github.com/stretchr/testify/require"
)

// A service serves a dashboard of whatever sessions, and with whatever failure, a test chooses. It accepts the token
// "good", refuses the user of "weak", and knows no other.
type service struct {
	*httptest.Server

	mu       sync.Mutex
	sessions capi.Sessions
	failure  failure
	asked    int // how often the list was asked for
}

// A failure is how a service does not answer as it should.
type failure int

const (
	none        failure = iota
	failing             // 500
	cut                 // The list breaks off.
	notAList            // 200, with a page of something in between.
	notSessions         // 200, with an envelope of something else.
	withdrawn           // Whoever was accepted is refused now.
	unreachable         // The connection breaks off before an answer.
)

var errDatabase = errors.New("the database is on fire")

// serve starts a service, and stops it when the test ends.
func serve(t *testing.T, sessions capi.Sessions) *service {
	t.Helper()
	s := &service{sessions: sessions}
	dashboard, err := newDashboard(capi.StoreFunc(s.list), capi.AuthorizerFunc(s.authorize), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/api/") {
			switch s.count() {
			case notAList:
				fmt.Fprint(w, "<html>Please log in to the network.</html>")
				return
			case notSessions:
				fmt.Fprint(w, `{"msg":[null],"error":false,"status":200}`)
				return
			case unreachable:
				panic(http.ErrAbortHandler)
			}
		}
		dashboard.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// count counts a request, and returns how it shall fail.
func (s *service) count() failure {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	return s.failure
}

func (s *service) requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// change changes what the service answers from now on.
func (s *service) change(sessions capi.Sessions, failure failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions, s.failure = sessions, failure
}

func (s *service) authorize(r *http.Request) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch r.Header.Get("Authorization") {
	case "Bearer good":
		if s.failure == withdrawn {
			return capi.ErrForbidden
		}
		return nil
	case "Bearer weak":
		return capi.ErrForbidden
	}
	return capi.ErrUnauthenticated
}

func (s *service) list(ctx context.Context) iter.Seq2[capi.Session, error] {
	s.mu.Lock()
	defer s.mu.Unlock()
	sessions, failure := s.sessions, s.failure
	if failure != failing && failure != cut {
		return sessions.Sessions(ctx)
	}
	return func(yield func(capi.Session, error) bool) {
		if failure == cut {
			for range 1000 {
				if !yield(sessions[0], nil) {
					return
				}
			}
		}
		yield(capi.Session{}, errDatabase)
	}
}

// crowd returns n sessions: a third each of guests, of users on the site, and of administrators. The newest is the first.
func crowd(n int) capi.Sessions {
	random := rand.New(rand.NewPCG(3, 4))
	sessions := make(capi.Sessions, n)
	for i := range sessions {
		s := &sessions[i]
		s.ID = fmt.Sprintf("%016x%016x", random.Uint64(), random.Uint64())
		s.Guest = i%3 == 0
		s.Time = time.Now().Add(-time.Duration(i) * 30 * time.Minute / time.Duration(n)).Truncate(time.Second)
		agent := "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
		if !s.Guest {
			s.UserID = int64(1000 + i)
			s.Username = fmt.Sprintf("person%05d", (i*7919)%n) // In no order.
			agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
		}
		if i%3 == 2 {
			s.ClientID = capi.ClientAdministrator
		}
		s.Data = held(agent, s.Time.Add(-time.Hour), i%40+1)
	}
	return sessions
}

// held returns what Joomla 3.4 stores of a session.
func held(agent string, started time.Time, requests int) capi.Payload {
	return fmt.Appendf(nil, `__default|a:4:{s:15:"session.counter";i:%d;s:19:"session.timer.start";i:%d;`+
		`s:22:"session.client.browser";s:%d:"%s";s:13:"session.token";s:12:"form-token-1";}`,
		requests, started.Unix(), len(agent), agent)
}
