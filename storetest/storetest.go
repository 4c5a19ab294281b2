// Package storetest tests implementations of [capi.Store].
//
// A Store must keep the contract of [capi.Store]:
//
//   - content: a range yields exactly the site's sessions, in any order, with
//     unchanged fields. No client is not client 0, no data is not empty data,
//     the zero time stays zero, and text in any language is preserved.
//   - lazy: the iterator holds nothing until it is ranged over.
//   - repeatable: each range reads the whole list anew, even if an earlier one
//     ended early.
//   - released: a range that ends early yields nothing more and leaves nothing
//     behind, such as a connection of a pool or a goroutine.
//   - cancelled: if the context ends before or during a range, the range ends
//     early with an error.
//   - error: an error comes with the zero Session and is the last pair.
//   - concurrent: many goroutines may range at the same time.
//   - data: the Data of a Session does not change until the next one is
//     requested, whatever else the store does meanwhile. Its other fields never
//     change.
//
// The sessions of [Run] would fit the table of any Joomla site: session ids are
// ASCII, all text is valid UTF-8 without NUL, and times are whole seconds.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/capi-go/capi"
)

// Run tests the stores that newStore returns, with a subtest for each check. It
// calls newStore once for each, with the T of the subtest. newStore returns a
// Store that holds exactly the given sessions, which it may keep. It should
// release what the Store needs with [testing.T.Cleanup], and call
// [testing.T.Fatal] if it fails.
//
// A check takes at most a second, plus the store's own time. Its context ends
// after 30 seconds, which ends a hanging range of a Store that heeds it. Run
// counts goroutines, so no other test should start dozens of them meanwhile.
func Run(t *testing.T, newStore func(t *testing.T, sessions []capi.Session) capi.Store) {
	for _, check := range checks {
		t.Run(check.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			store := newStore(t, check.sessions())
			if err := check.test(ctx, store, check.sessions()); err != nil {
				t.Error(err)
			}
		})
	}
}

// A check tests one requirement on a Store.
type check struct {
	name string
	// sessions returns new sessions for the store with each call.
	sessions func() []capi.Session
	// test returns what is wrong with store, which holds want.
	test func(ctx context.Context, store capi.Store, want []capi.Session) error
}

var checks = []check{
	{"content", variety, whole},
	{"no sessions", none, whole},
	{"lazy", variety, lazy},
	{"repeatable", variety, repeatable},
	{"released after an early break", variety, released},
	{"context cancelled before the range", variety, cancelledBefore},
	{"context cancelled during the range", many, cancelledDuring},
	{"concurrent use", variety, concurrent},
	{"data kept until the next session", variety, keptData},
}

const (
	// repetitions is how often to do what must leave nothing behind: more than
	// the size of a pool.
	repetitions = 64
	// manySessions is more than a store is likely to have buffered when its
	// context ends.
	manySessions = 500
)

func none() []capi.Session { return nil }

// variety returns sessions with a variety of values in every field.
func variety() []capi.Session {
	return []capi.Session{
		{
			ID: "0i6fcirbg5vdgmjadiuc6gl4dh", ClientID: capi.ClientSite, Guest: true,
			Time: time.Unix(1445780780, 0), Data: capi.Payload(`joomla|s:4:"bnVs";`),
		},
		{
			ID: "f188888888ffa8fd9f777777779a1f99", ClientID: capi.ClientAdministrator,
			Time: time.Unix(1795489075, 0), Data: capi.Payload("a/b\\c\"d'e`f\tg\r\nh<&>%_?$1"), UserID: 43, Username: "steve",
		},
		{
			ID: strings.Repeat("x", 192), ClientID: 3, Time: time.Unix(1<<31-1, 0),
			Data:   capi.Payload(strings.Repeat("0123456789abcdef", 1<<14)), // 256 KiB
			UserID: 1<<31 - 1, Username: strings.Repeat("long", 37),
		},
		{
			ID: "no client", ClientID: capi.ClientNone, Time: time.Unix(1, 0), Data: capi.Payload("x|N;"), UserID: 1, Username: "shared",
		},
		{
			ID: "no data", ClientID: capi.ClientSite, Time: time.Unix(1795489075, 0), UserID: 2, Username: "O'Brien",
		},
		{
			ID: "empty data", ClientID: capi.ClientSite, Guest: true, Time: time.Unix(1795489075, 0),
			Data: capi.Payload{},
		},
		{
			ID: "no time", ClientID: 4, Data: capi.Payload("x|b:1;"), UserID: 3, Username: " spaces in it",
		},
		{
			ID: "other letters", ClientID: capi.ClientSite, Time: time.Unix(1795489075, 0),
			Data: capi.Payload("é日本語😀\u2028"), UserID: 4, Username: "Ærøskøbing 日本",
		},
		{ // No id at all.
			ClientID: capi.ClientSite, Guest: true, Time: time.Unix(1795489075, 0), Data: capi.Payload("x|i:1;"),
		},
	}
}

// many returns enough sessions for a range to end among them.
func many() []capi.Session {
	sessions := make([]capi.Session, manySessions)
	for i := range sessions {
		sessions[i] = capi.Session{
			ID: fmt.Sprintf("session %d", i), Guest: true, Time: time.Unix(1795489075, 0), Data: capi.Payload("x|i:1;"),
		}
	}
	return sessions
}

// read ranges over the sessions of store, and calls each with them until it
// returns false. It returns the error of the range, and a violation of the
// contract, if any.
func read(ctx context.Context, store capi.Store, each func(capi.Session) bool) (err, violation error) {
	sessions := store.Sessions(ctx)
	if sessions == nil {
		return nil, errors.New("its method Sessions returned nil")
	}
	ended := false
	// Call the iterator, because range would panic on a violation.
	sessions(func(session capi.Session, e error) bool {
		switch {
		case ended && err != nil:
			violation = fmt.Errorf("another pair came after the error %q", err)
		case ended:
			violation = errors.New("another pair came after the range was ended")
		case e != nil:
			err, ended = e, true
			if difference := diff(session, capi.Session{}); difference != "" {
				violation = fmt.Errorf("the error %q came with a session: %s", e, difference)
			}
			return true // To notice a store that goes on.
		default:
			ended = !each(session)
		}
		return !ended
	})
	return err, violation
}

// fixed returns a Store that always returns sessions.
func fixed(sessions iter.Seq2[capi.Session, error]) capi.Store {
	return capi.StoreFunc(func(context.Context) iter.Seq2[capi.Session, error] { return sessions })
}

// whole checks that a range yields want, and no error.
func whole(ctx context.Context, store capi.Store, want []capi.Session) error {
	missing := make(map[string]capi.Session, len(want))
	for _, session := range want {
		missing[session.ID] = session
	}
	var wrong error
	err, violation := read(ctx, store, func(got capi.Session) bool {
		session, ok := missing[got.ID]
		if !ok {
			wrong = fmt.Errorf("unknown or duplicate session: %.40q", got.ID)
			return false
		}
		delete(missing, got.ID)
		if difference := diff(got, session); difference != "" {
			wrong = fmt.Errorf("session %.40q: %s", got.ID, difference)
			return false
		}
		return true
	})
	if err != nil {
		err = fmt.Errorf("a range failed: %w", err)
	} else if wrong == nil && len(missing) > 0 {
		wrong = fmt.Errorf("%d of %d sessions are missing", len(missing), len(want))
	}
	return errors.Join(violation, err, wrong)
}

// diff returns the first difference between got and want, or "". Times may be
// in any location.
func diff(got, want capi.Session) string {
	field, g, w := "", any(nil), any(nil)
	switch {
	case got.ID != want.ID:
		field, g, w = "ID", got.ID, want.ID
	case got.ClientID != want.ClientID:
		field, g, w = "ClientID", got.ClientID, want.ClientID
	case got.Guest != want.Guest:
		field, g, w = "Guest", got.Guest, want.Guest
	case !got.Time.Equal(want.Time):
		field, g, w = "Time", got.Time, want.Time
	case (got.Data == nil) != (want.Data == nil):
		field, g, w = "Data is nil", got.Data == nil, want.Data == nil
	case !bytes.Equal(got.Data, want.Data):
		return fmt.Sprintf("Data of %d bytes is %.40q, want %d bytes, %.40q", len(got.Data), got.Data, len(want.Data), want.Data)
	case got.UserID != want.UserID:
		field, g, w = "UserID", got.UserID, want.UserID
	case got.Username != want.Username:
		field, g, w = "Username", got.Username, want.Username
	default:
		return ""
	}
	return fmt.Sprintf("%s is %v, want %v", field, g, w)
}

func lazy(ctx context.Context, store capi.Store, want []capi.Session) error {
	before := runtime.NumGoroutine()
	for range repetitions {
		if store.Sessions(ctx) == nil {
			return errors.New("its method Sessions returned nil")
		}
	}
	if err := whole(ctx, store, want); err != nil {
		return fmt.Errorf("after %d iterators that were not ranged over: %w", repetitions, err)
	}
	return goroutines(ctx, before)
}

func repeatable(ctx context.Context, store capi.Store, want []capi.Session) error {
	sessions := store.Sessions(ctx)
	same := fixed(sessions)
	if err := whole(ctx, same, want); err != nil {
		return fmt.Errorf("the first range: %w", err)
	}
	if err := whole(ctx, same, want); err != nil {
		return fmt.Errorf("the second range over the same iterator: %w", err)
	}
	if _, violation := read(ctx, same, func(capi.Session) bool { return false }); violation != nil {
		return violation
	}
	if err := whole(ctx, same, want); err != nil {
		return fmt.Errorf("a range over an iterator after one that ended early: %w", err)
	}
	if err := whole(ctx, store, want); err != nil {
		return fmt.Errorf("a range over another iterator: %w", err)
	}
	return nil
}

func released(ctx context.Context, store capi.Store, want []capi.Session) error {
	before := runtime.NumGoroutine()
	for i := range repetitions {
		rest := i % len(want)
		err, violation := read(ctx, store, func(capi.Session) bool {
			rest--
			return rest >= 0
		})
		if violation != nil {
			return violation
		}
		if err != nil {
			return fmt.Errorf("a range after %d that ended early failed: %w", i, err)
		}
	}
	if err := whole(ctx, store, want); err != nil {
		return fmt.Errorf("after %d ranges that ended early: %w", repetitions, err)
	}
	return goroutines(ctx, before)
}

// goroutines waits until there are fewer additional goroutines than one for
// every two repetitions.
func goroutines(ctx context.Context, before int) error {
	ctx, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		more := runtime.NumGoroutine() - before
		if more < repetitions/2 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d goroutines were left behind", more)
		case <-tick.C:
		}
	}
}

func cancelledBefore(ctx context.Context, store capi.Store, want []capi.Session) error {
	// Repeat, because a store that reads ahead may notice in one of two places.
	for range repetitions {
		if err := cancelledOnce(ctx, store); err != nil {
			return err
		}
	}
	if err := whole(ctx, store, want); err != nil {
		return fmt.Errorf("after ranges with a cancelled context: %w", err)
	}
	return nil
}

func cancelledOnce(ctx context.Context, store capi.Store) error {
	cancelled, cancel := context.WithCancel(ctx)
	early := store.Sessions(cancelled)
	cancel()
	for name, sessions := range map[string]iter.Seq2[capi.Session, error]{
		"an iterator from before": early, "an iterator from after": store.Sessions(cancelled),
	} {
		count := 0
		err, violation := read(ctx, fixed(sessions), func(capi.Session) bool {
			count++
			return true
		})
		if violation != nil {
			return violation
		}
		if err == nil {
			return fmt.Errorf("%s the context was cancelled gave no error", name)
		}
		if count > 0 {
			return fmt.Errorf("%s the context was cancelled gave %d sessions", name, count)
		}
	}
	return nil
}

func cancelledDuring(ctx context.Context, store capi.Store, want []capi.Session) error {
	for range 4 {
		cancelled, cancel := context.WithCancel(ctx)
		count := 0
		err, violation := read(cancelled, store, func(capi.Session) bool {
			count++
			cancel()
			// A store may take a while to notice, but must do so before it has
			// read everything.
			time.Sleep(100 * time.Microsecond)
			return true
		})
		cancel()
		if violation != nil {
			return violation
		}
		if err == nil {
			return fmt.Errorf("%d of %d sessions came, and no error, though the context was cancelled", count, len(want))
		}
		if count == 0 {
			return fmt.Errorf("a range failed before its context was cancelled: %w", err)
		}
		if count == len(want) {
			return errors.New("the list was read to its end though the context was cancelled at its first session")
		}
	}
	if err := whole(ctx, store, want); err != nil {
		return fmt.Errorf("after ranges whose context was cancelled: %w", err)
	}
	return nil
}

func concurrent(ctx context.Context, store capi.Store, want []capi.Session) error {
	const readers, ranges = 8, 4
	var group sync.WaitGroup
	errs := make([]error, readers)
	for i := range readers {
		group.Add(1)
		go func() {
			defer group.Done()
			for range ranges {
				if errs[i] = whole(ctx, store, want); errs[i] != nil {
					return
				}
			}
		}()
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return fmt.Errorf("with %d goroutines that range at the same time: %w", readers, err)
		}
	}
	return nil
}

func keptData(ctx context.Context, store capi.Store, want []capi.Session) error {
	var kept []capi.Session
	var changed error
	err, violation := read(ctx, store, func(session capi.Session) bool {
		data := bytes.Clone(session.Data)
		if len(kept) == 0 {
			// This may fail, because a store with a single connection lets
			// nobody else read meanwhile.
			other, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
			defer cancel()
			if _, violation := read(other, store, func(capi.Session) bool { return true }); violation != nil {
				changed = violation
				return false
			}
		}
		runtime.GC() // To overwrite memory that is only borrowed.
		if !bytes.Equal(session.Data, data) {
			changed = fmt.Errorf("session %.40q: Data changed before the next session was asked for", session.ID)
			return false
		}
		session.Data = data
		kept = append(kept, session)
		return true
	})
	if err := errors.Join(violation, err, changed); err != nil {
		return err
	}
	if err := whole(ctx, capi.Sessions(kept), want); err != nil {
		return fmt.Errorf("after the range had ended: %w", err)
	}
	return nil
}
