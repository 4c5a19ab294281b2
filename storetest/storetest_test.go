package storetest

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

func TestRunOnSessions(t *testing.T) {
	Run(t, func(_ *testing.T, sessions []capi.Session) capi.Store { return capi.Sessions(sessions) })
}

func TestRunOnStoreFunc(t *testing.T) {
	Run(t, func(_ *testing.T, sessions []capi.Session) capi.Store {
		return capi.StoreFunc(capi.Sessions(sessions).Sessions)
	})
}

// A Store with only one connection, whose memory it lends.
func TestRunOnOneConnection(t *testing.T) {
	Run(t, func(_ *testing.T, sessions []capi.Session) capi.Store { return newPool(sessions, 1) })
}

// pool is a Store whose ranges each need one of a few connections, which owns
// the memory of Data.
type pool struct {
	sessions    capi.Sessions
	connections chan []byte
	leaky       bool // A range that ends early keeps its connection.
}

func newPool(sessions []capi.Session, size int) *pool {
	p := &pool{sessions: sessions, connections: make(chan []byte, size)}
	for range size {
		p.connections <- nil
	}
	return p
}

func (p *pool) Sessions(ctx context.Context) iter.Seq2[capi.Session, error] {
	return func(yield func(capi.Session, error) bool) {
		var memory []byte
		select {
		case memory = <-p.connections:
		case <-ctx.Done():
			yield(capi.Session{}, ctx.Err())
			return
		}
		for session, err := range p.sessions.Sessions(ctx) {
			if session.Data != nil {
				memory = append(memory[:0], session.Data...)
				session.Data = memory
			}
			more := yield(session, err)
			clear(memory)
			if !more && p.leaky {
				return
			}
			if !more {
				break
			}
		}
		p.connections <- memory
	}
}

// changed returns stores that change the sessions they yield.
func changed(change func(*capi.Session)) func(sessions []capi.Session) capi.Store {
	return func(sessions []capi.Session) capi.Store {
		return capi.StoreFunc(func(ctx context.Context) iter.Seq2[capi.Session, error] {
			return func(yield func(capi.Session, error) bool) {
				for session, err := range capi.Sessions(sessions).Sessions(ctx) {
					if err == nil {
						change(&session)
					}
					if !yield(session, err) {
						return
					}
				}
			}
		})
	}
}

// ranged returns stores whose ranges are the function each.
func ranged(each func(ctx context.Context, sessions []capi.Session, yield func(capi.Session, error) bool)) func(
	sessions []capi.Session) capi.Store {
	return func(sessions []capi.Session) capi.Store {
		return capi.StoreFunc(func(ctx context.Context) iter.Seq2[capi.Session, error] {
			return func(yield func(capi.Session, error) bool) { each(ctx, sessions, yield) }
		})
	}
}

// broken are stores that must fail a check.
var broken = []struct {
	name  string
	check string // the check that must fail
	want  string // a part of its error
	store func(sessions []capi.Session) capi.Store
}{
	{"nil iterator", "content", "returned nil", func([]capi.Session) capi.Store {
		return capi.StoreFunc(func(context.Context) iter.Seq2[capi.Session, error] { return nil })
	}},
	{"nil iterator", "lazy", "returned nil", func([]capi.Session) capi.Store {
		return capi.StoreFunc(func(context.Context) iter.Seq2[capi.Session, error] { return nil })
	}},
	{"one session left out", "content", "1 of 9 sessions are missing", func(sessions []capi.Session) capi.Store {
		return capi.Sessions(sessions[1:])
	}},
	{"a session twice", "content", "duplicate session", func(sessions []capi.Session) capi.Store {
		return capi.Sessions(append(sessions, sessions[0]))
	}},
	{"a session of its own", "no sessions", "unknown or duplicate session", func([]capi.Session) capi.Store {
		return make(capi.Sessions, 1)
	}},
	{"an error after the list", "content", "a range failed: late", ranged(
		func(_ context.Context, sessions []capi.Session, yield func(capi.Session, error) bool) {
			for _, session := range sessions {
				if !yield(session, nil) {
					return
				}
			}
			yield(capi.Session{}, errors.New("late"))
		})},
	{"other id", "content", "unknown or duplicate session", changed(func(s *capi.Session) { s.ID += "x" })},
	{"no client is client 0", "content", "ClientID", changed(func(s *capi.Session) { s.ClientID = max(s.ClientID, 0) })},
	{"client 0 is no client", "content", "ClientID", changed(func(s *capi.Session) {
		if s.ClientID == 0 {
			s.ClientID = capi.ClientNone
		}
	})},
	{"all of one client", "content", "ClientID", changed(func(s *capi.Session) { s.ClientID = 0 })},
	{"all guests", "content", "Guest", changed(func(s *capi.Session) { s.Guest = true })},
	{"no time is 1970", "content", "Time", changed(func(s *capi.Session) {
		if s.Time.IsZero() {
			s.Time = time.Unix(0, 0)
		}
	})},
	{"time in local time", "content", "Time", changed(func(s *capi.Session) { s.Time = s.Time.Add(time.Hour) })},
	{"no data is empty", "content", "Data is nil", changed(func(s *capi.Session) { s.Data = append(capi.Payload{}, s.Data...) })},
	{"empty data is none", "content", "Data is nil", changed(func(s *capi.Session) { s.Data = append(capi.Payload(nil), s.Data...) })},
	{"data cut at 64 KB", "content", "Data of 65535 bytes", changed(func(s *capi.Session) { s.Data = s.Data[:min(len(s.Data), 1<<16-1)] })},
	{"data in ASCII", "content", "Data of", changed(func(s *capi.Session) {
		if s.Data != nil {
			s.Data = bytes.Map(func(r rune) rune { return min(r, 0x7f) }, s.Data)
		}
	})},
	{"user id of 16 bits", "content", "UserID", changed(func(s *capi.Session) { s.UserID = int64(int16(s.UserID)) })},
	{"trimmed username", "content", "Username", changed(func(s *capi.Session) { s.Username = strings.TrimSpace(s.Username) })},

	{"connection taken before the range", "lazy", "deadline", func(sessions []capi.Session) capi.Store {
		p := newPool(sessions, 16)
		return capi.StoreFunc(func(ctx context.Context) iter.Seq2[capi.Session, error] {
			var memory []byte
			select {
			case memory = <-p.connections:
			case <-ctx.Done():
			}
			return func(yield func(capi.Session, error) bool) {
				p.connections <- memory
				p.Sessions(ctx)(yield)
			}
		})
	}},
	{"goroutine started before the range", "lazy", "goroutines were left", func(sessions []capi.Session) capi.Store {
		return capi.StoreFunc(func(ctx context.Context) iter.Seq2[capi.Session, error] {
			start := make(chan struct{})
			go func() {
				select {
				case <-start:
				case <-ctx.Done():
				}
			}()
			return func(yield func(capi.Session, error) bool) {
				close(start)
				capi.Sessions(sessions).Sessions(ctx)(yield)
			}
		})
	}},

	{"iterator for one range", "repeatable", "second range", func(sessions []capi.Session) capi.Store {
		return capi.StoreFunc(func(ctx context.Context) iter.Seq2[capi.Session, error] {
			done := false
			return func(yield func(capi.Session, error) bool) {
				if !done {
					done = true
					capi.Sessions(sessions).Sessions(ctx)(yield)
				}
			}
		})
	}},
	{"iterator that resumes", "repeatable", "ended early", func(sessions []capi.Session) capi.Store {
		return capi.StoreFunc(func(ctx context.Context) iter.Seq2[capi.Session, error] {
			next := 0
			return func(yield func(capi.Session, error) bool) {
				for next < len(sessions) {
					next++
					if !yield(sessions[next-1], nil) {
						return
					}
				}
				next = 0
			}
		})
	}},
	{"store for two ranges", "repeatable", "another iterator", func(sessions []capi.Session) capi.Store {
		used := false
		return capi.StoreFunc(func(ctx context.Context) iter.Seq2[capi.Session, error] {
			if used {
				return capi.Sessions(nil).Sessions(ctx)
			}
			used = true
			return capi.Sessions(sessions).Sessions(ctx)
		})
	}},

	{"connection kept", "released after an early break", "deadline", func(sessions []capi.Session) capi.Store {
		p := newPool(sessions, 16)
		p.leaky = true
		return p
	}},
	{"deaf to the end", "released after an early break", "after the range was ended", ranged(
		func(_ context.Context, sessions []capi.Session, yield func(capi.Session, error) bool) {
			for _, session := range sessions {
				yield(session, nil)
			}
		})},
	{"goroutine kept", "released after an early break", "goroutines were left", ranged(
		func(ctx context.Context, sessions []capi.Session, yield func(capi.Session, error) bool) {
			rows := make(chan capi.Session)
			go func() {
				defer close(rows)
				for _, session := range sessions {
					select {
					case rows <- session:
					case <-ctx.Done():
						return
					}
				}
			}()
			for session := range rows {
				if !yield(session, nil) {
					return
				}
			}
		})},

	{"deaf to the context", "context cancelled before the range", "gave no error", ranged(
		func(_ context.Context, sessions []capi.Session, yield func(capi.Session, error) bool) {
			capi.Sessions(sessions).Sessions(context.Background())(yield)
		})},
	{"end of the context is the end of the list", "context cancelled before the range", "gave no error", silent},
	{"error after sessions", "context cancelled before the range", "gave 9 sessions", ranged(reluctant)},
	{"context of the first range", "context cancelled before the range", "cancelled context", func(sessions []capi.Session) capi.Store {
		var first context.Context
		return capi.StoreFunc(func(ctx context.Context) iter.Seq2[capi.Session, error] {
			if first == nil {
				first = ctx
			}
			return capi.Sessions(sessions).Sessions(first)
		})
	}},
	{"deaf to the context", "context cancelled during the range", "no error", ranged(
		func(_ context.Context, sessions []capi.Session, yield func(capi.Session, error) bool) {
			capi.Sessions(sessions).Sessions(context.Background())(yield)
		})},
	{"end of the context is the end of the list", "context cancelled during the range", "1 of 500 sessions came, and no error", silent},
	{"context looked at last", "context cancelled during the range", "read to its end", ranged(reluctant)},
	{"more after the error", "context cancelled during the range", "another pair came after the error", ranged(
		func(ctx context.Context, sessions []capi.Session, yield func(capi.Session, error) bool) {
			for _, session := range sessions {
				if ctx.Err() != nil {
					yield(capi.Session{}, ctx.Err())
				}
				if !yield(session, nil) {
					return
				}
			}
		})},
	{"error with a session", "context cancelled during the range", "came with a session: ID", ranged(
		func(ctx context.Context, sessions []capi.Session, yield func(capi.Session, error) bool) {
			for _, session := range sessions {
				if err := ctx.Err(); !yield(session, err) || err != nil {
					return
				}
			}
		})},
	{"fails at once", "context cancelled during the range", "failed before", ranged(
		func(_ context.Context, _ []capi.Session, yield func(capi.Session, error) bool) {
			yield(capi.Session{}, errors.New("down"))
		})},

	{"one range at a time", "concurrent use", "busy", func(sessions []capi.Session) capi.Store {
		var ranges atomic.Int64
		return capi.StoreFunc(func(ctx context.Context) iter.Seq2[capi.Session, error] {
			return func(yield func(capi.Session, error) bool) {
				ranges.Add(1)
				for ranges.Load() < 2 && ctx.Err() == nil {
					time.Sleep(time.Millisecond)
				}
				yield(capi.Session{}, errors.New("busy"))
			}
		})
	}},

	{"memory of the store lent", "data kept until the next session", "Data changed", func(sessions []capi.Session) capi.Store {
		var memory [2 << 20]byte
		return changed(func(s *capi.Session) {
			if s.Data != nil {
				s.Data = memory[:copy(memory[:], s.Data)]
			}
		})(sessions)
	}},
	{"username lent", "data kept until the next session", "after the range had ended", func(sessions []capi.Session) capi.Store {
		var memory [1 << 10]byte
		return changed(func(s *capi.Session) {
			if n := copy(memory[:], s.Username); n > 0 {
				s.Username = unsafe.String(&memory[0], n)
			}
		})(sessions)
	}},
	{"another range goes wrong", "data kept until the next session", "after the error", func(sessions []capi.Session) capi.Store {
		ranges := 0
		return capi.StoreFunc(func(ctx context.Context) iter.Seq2[capi.Session, error] {
			if ranges++; ranges == 1 {
				return capi.Sessions(sessions).Sessions(ctx)
			}
			return func(yield func(capi.Session, error) bool) {
				yield(capi.Session{}, errors.New("busy"))
				yield(capi.Session{}, nil)
			}
		})
	}},
}

// silent stores take the end of the context for the end of the list.
var silent = ranged(func(ctx context.Context, sessions []capi.Session, yield func(capi.Session, error) bool) {
	for _, session := range sessions {
		if ctx.Err() != nil || !yield(session, nil) {
			return
		}
	}
})

// reluctant looks at its context only at the end of the list.
func reluctant(ctx context.Context, sessions []capi.Session, yield func(capi.Session, error) bool) {
	for _, session := range sessions {
		if !yield(session, nil) {
			return
		}
	}
	if ctx.Err() != nil {
		yield(capi.Session{}, ctx.Err())
	}
}

func TestChecksFailOnBrokenStores(t *testing.T) {
	before := runtime.NumGoroutine()
	for _, tt := range broken {
		t.Run(tt.check+"/"+tt.name, func(t *testing.T) {
			// The goroutines that a store leaked end with its context, and
			// would hide those of the next store.
			for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before+1; time.Sleep(time.Millisecond) {
				require.True(t, time.Now().Before(end))
			}
			timeout := 30 * time.Second
			if tt.want == "deadline" {
				timeout = time.Second
			}
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			defer cancel()
			for _, check := range checks {
				if check.name == tt.check {
					err := check.test(ctx, tt.store(check.sessions()), check.sessions())
					require.ErrorContains(t, err, tt.want)
					assert.Less(t, len(err.Error()), 1000, "the whole of a payload in an error helps nobody")
					return
				}
			}
			t.Fatal("no such check")
		})
	}
}

func TestEachCheckHasABrokenStore(t *testing.T) {
	for _, check := range checks {
		found := false
		for _, tt := range broken {
			found = found || tt.check == check.name
		}
		assert.True(t, found, check.name)
	}
}

// TestRunReports has a process of its own, since it fails.
func TestRunReports(t *testing.T) {
	const name = "CAPI_STORETEST_BROKEN"
	if os.Getenv(name) != "" {
		Run(t, func(_ *testing.T, sessions []capi.Session) capi.Store {
			return capi.Sessions(sessions[:len(sessions)*8/9])
		})
		return
	}
	command := exec.Command(os.Args[0], "-test.run=^TestRunReports$")
	command.Env = append(os.Environ(), name+"=1")
	output, err := command.CombinedOutput()
	require.Error(t, err)
	assert.Contains(t, string(output), "--- FAIL: TestRunReports/content")
	assert.Contains(t, string(output), "1 of 9 sessions are missing")
	assert.NotContains(t, string(output), "FAIL: TestRunReports/no_sessions")
}

func TestVarietyIsOfUniqueIDs(t *testing.T) {
	for _, check := range checks {
		seen := map[string]bool{}
		for _, session := range check.sessions() {
			assert.False(t, seen[session.ID], session.ID)
			seen[session.ID] = true
			assert.LessOrEqual(t, len(session.ID), 192)
			assert.LessOrEqual(t, len([]rune(session.Username)), 150)
		}
	}
}
