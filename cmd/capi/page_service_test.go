package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/page"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A pageService serves the page of whatever sessions, and with whatever fault,
// a test chooses. It accepts the token "sesame", refuses the user of "weak",
// and knows no other.
type pageService struct {
	*httptest.Server

	mu       sync.Mutex
	sessions int
	fault    fault
	asked    int // how often the feed was asked for
}

// A fault is how a pageService does not answer as it should.
type fault int

const (
	none        fault = iota
	failing           // 500
	broken            // The feed breaks off.
	shortened         // It ends in order, but early, as behind some proxies.
	notAFeed          // 200, with a page of something in between.
	malformed         // A feed with a row that is none.
	withdrawn         // Whoever was accepted is refused now.
	unreachable       // The connection breaks off before an answer.
)

// servePage starts a service, and stops it when the test ends.
func servePage(t *testing.T, sessions int) *pageService {
	t.Helper()
	s := &pageService{sessions: sessions}
	handler, err := page.Options{Logger: slog.New(slog.DiscardHandler)}.NewHandler(
		page.Site{Store: capi.StoreFunc(s.list), Auth: capi.AuthorizerFunc(s.authorize)})
	require.NoError(t, err)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/feed") {
			switch s.count() {
			case notAFeed:
				fmt.Fprint(w, "<html>Please log in to the network.</html>")
				return
			case malformed:
				fmt.Fprintln(w, `{"rows":[null]}`)
				return
			case shortened:
				fmt.Fprintln(w, `{"now":1}`)
				return
			case unreachable:
				panic(http.ErrAbortHandler)
			}
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// count counts a request, and returns how it shall fail.
func (s *pageService) count() fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	return s.fault
}

func (s *pageService) requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// change changes what the service answers from now on.
func (s *pageService) change(sessions int, fault fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions, s.fault = sessions, fault
}

func (s *pageService) authorize(r *http.Request) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case r.Header.Get("Authorization") == "Bearer weak", s.fault == withdrawn:
		return capi.ErrForbidden
	case r.Header.Get("Authorization") == "Bearer sesame":
		return nil
	}
	return capi.ErrUnauthenticated
}

func (s *pageService) list(context.Context) iter.Seq2[capi.Session, error] {
	s.mu.Lock()
	defer s.mu.Unlock()
	sessions, fault := s.sessions, s.fault
	return func(yield func(capi.Session, error) bool) {
		if fault == failing {
			yield(capi.Session{}, errors.New("the database is on fire"))
			return
		}
		if fault == broken {
			sessions = 5000
		}
		for i := range sessions {
			client := capi.ClientID(i%6) + capi.ClientNone
			if !yield(capi.Session{ID: fmt.Sprint(i), ClientID: client, UserID: int64(i + 1), Username: fmt.Sprintf("person%05d", i), Time: time.Now()}, nil) {
				return
			}
		}
		if fault == broken {
			yield(capi.Session{}, errors.New("the database is on fire"))
		}
	}
}

// TestPageFaults has a service that fails, refuses, and comes back.
func TestPageFaults(t *testing.T) {
	b := startBrowser(t)
	t.Run("refused", func(t *testing.T) { pageRefused(t, b) })
	t.Run("gone", func(t *testing.T) { pageGone(t, b) })
	t.Run("refreshing", func(t *testing.T) { pageRefreshes(t, b) })
	t.Run("guarded", func(t *testing.T) { pageGuarded(t, b) })
}

func pageRefused(t *testing.T, b *browser) {
	s := servePage(t, 30)
	tab := b.open(t, 400, 900)
	tab.load(s.URL)
	assert.Equal(t, "alert", eval[string](tab, `document.getElementById("notice").getAttribute("role")`))
	assert.False(t, eval[bool](tab, `document.getElementById("notice").checkVisibility()`), "the first visit is greeted")
	assert.False(t, eval[bool](tab, `document.getElementById("content").checkVisibility()`))
	noScrolling(t, tab, 400)
	for _, attempt := range []struct{ token, notice string }{
		{"stale", "The server does not accept this token."},
		{"weak", "Only Super Users may see who is logged in."},
	} {
		tab.tabTo("#token")
		tab.press(attempt.token, kb.Enter)
		tab.eventually(fmt.Sprintf(`document.getElementById("notice").textContent === %s`, quote(attempt.notice)))
	}
	assert.Zero(t, s.requests(), "who is refused does not get to the feed")
	tab.tabTo("#token")
	tab.press("sesame", kb.Enter)
	tab.eventually(whole)
	assert.False(t, eval[bool](tab, `document.getElementById("sign-in").checkVisibility()`))
	assert.NotContains(t, eval[string](tab, `document.documentElement.outerHTML`), "sesame", "the token is nowhere")

	// Access that ends takes away what was readable before.
	tab.eventually(`document.querySelector("#spacer > .row") !== null`)
	s.change(30, withdrawn)
	tab.click("#refresh")
	tab.eventually(`document.getElementById("state").dataset.state === "forbidden"`)
	tab.eventually(`!document.documentElement.outerHTML.includes("person0")`)
}

func pageGone(t *testing.T, b *browser) {
	s := servePage(t, 30)
	tab := b.open(t, 1280, 900)
	tab.goTo(s.URL + "/?x=y#token=sesame")
	tab.eventually(whole)
	assert.Equal(t, s.URL+"/?x=y", eval[string](tab, `location.href`), "the token is no part of the address")
	applications := tab.column(".application .value")
	for _, name := range []string{"Shared", "Site", "CLI"} {
		assert.Contains(t, applications, name)
	}
	for _, f := range []struct {
		fault  fault
		notice string
	}{
		{failing, "The server has failed (status 500)."},
		{broken, "The server broke off in the middle of the list."},
		{shortened, "The server broke off in the middle of the list."},
		{notAFeed, "The server sent something other than its list."},
		{malformed, "The server sent something other than its list."},
		{unreachable, "The server cannot be reached."},
	} {
		s.change(30, f.fault)
		tab.click("#refresh")
		tab.eventually(fmt.Sprintf(`document.getElementById("notice").textContent.startsWith(%s)`, quote(f.notice)))
		assert.Equal(t, "gone", eval[string](tab, `document.getElementById("state").dataset.state`))
		assert.Regexp(t, `What you see is from .*\d+:\d+:\d+.*\. Trying again\.$`, tab.text("#notice"))
		assert.Contains(t, tab.text("#shown"), "30 people", "the last whole list stays")
		assert.NotContains(t, tab.text("body"), "fire", "the cause is nobody's business")
		s.change(30, none)
		tab.click("#refresh")
		tab.eventually(whole)
		assert.False(t, eval[bool](tab, `document.getElementById("notice").checkVisibility()`))
	}
	s.change(0, none)
	tab.click("#refresh")
	tab.eventually(`document.getElementById("none").textContent === "Nobody is logged in." && document.getElementById("none").checkVisibility()`)
	assert.Contains(t, tab.text("#shown"), "0 people")
}

func pageRefreshes(t *testing.T, b *browser) {
	s := servePage(t, 30)
	tab := b.open(t, 1280, 900)
	tab.goTo(s.URL + "/#token=sesame")
	tab.eventually(whole)
	eval[bool](tab, `(() => {
		const interval = document.getElementById("interval");
		interval.options[1].value = "0.1";
		interval.selectedIndex = 1;
		return interval.dispatchEvent(new Event("change"));
	})()`)
	s.change(60, none)
	tab.eventually(`document.querySelector(".tile.loggedIn .count").textContent === "60"`)
	tab.tabTo("#filter")
	s.change(90, none)
	tab.eventually(`document.querySelector(".tile.loggedIn .count").textContent === "90"`)
	assert.Equal(t, "filter", eval[string](tab, `document.activeElement.id`), "refreshing leaves the focus alone")
	eval[bool](tab, `(() => {
		const interval = document.getElementById("interval");
		interval.selectedIndex = 0;
		return interval.dispatchEvent(new Event("change"));
	})()`)
	tab.eventually(`document.getElementById("refresh").getAttribute("aria-busy") === "false"`)
	asked := s.requests()
	// A page that would go on does so several times in this time.
	eval[bool](tab, `new Promise((resolve) => setTimeout(() => resolve(true), 1000))`)
	assert.Equal(t, asked, s.requests(), "never")
}

// pageGuarded shows that the browser enforces what the page is to be guarded
// by, and that these tests would notice.
func pageGuarded(t *testing.T, b *browser) {
	s := servePage(t, 3)
	tab := b.open(t, 1280, 900)
	tab.goTo(s.URL + "/#token=sesame")
	tab.eventually(whole)
	assert.Equal(t, "TypeError", eval[string](tab, `(() => { try { document.body.innerHTML = "<b>x</b>" } catch (error) { return error.name } })()`))
	assert.Equal(t, "refused", eval[string](tab, `new Promise((resolve) => {
		const picture = document.createElement("img");
		picture.onerror = () => resolve("refused");
		picture.onload = () => resolve("loaded");
		picture.src = "http://elsewhere.example/";
		document.body.append(picture);
	})`))
	assert.Equal(t, "refused", eval[string](tab, `fetch("http://elsewhere.example/").then(() => "sent", () => "refused")`))
	tab.eventually(`violations.length >= 3`)
	assert.ElementsMatch(t, []string{"require-trusted-types-for", "img-src", "connect-src"}, eval[[]string](tab, `violations`))
	tab.expectComplaints("Content Security Policy")
	tab.expectComplaints("TrustedHTML")
}
