package main

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A fleet is three sites: one that is up, one that wants a token of its own, and
// one that is down as long as a test says so.
type fleet struct {
	*httptest.Server
	down, shut atomic.Bool // shut is down so far that it admits nobody
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	f := &fleet{}
	f.down.Store(true)
	token := func(want string) capi.Authorizer {
		return capi.AuthorizerFunc(func(r *http.Request) error {
			if r.Header.Get("token") != want {
				return capi.ErrUnauthenticated
			}
			capi.SetUser(r.Context(), capi.User{ID: 1, Credential: "cAPI token"})
			return nil
		})
	}
	sesame := token("sesame")
	shut := capi.AuthorizerFunc(func(r *http.Request) error {
		if f.shut.Load() {
			return capi.ErrUnavailable
		}
		return sesame.Authorize(r)
	})
	now := time.Now().Add(-5*time.Hour - 10*time.Minute) // It stays so many hours ago while the test runs.
	people := func(names ...string) capi.Sessions {
		sessions := capi.Sessions{{ID: "guest", Guest: true, Time: now}}
		for i, name := range names {
			sessions = append(sessions, capi.Session{ID: name, UserID: int64(i + 1), Username: name, Time: now.Add(-time.Duration(i) * time.Hour)})
		}
		return sessions
	}
	failing := capi.StoreFunc(func(ctx context.Context) iter.Seq2[capi.Session, error] {
		if f.down.Load() {
			return func(yield func(capi.Session, error) bool) {
				yield(capi.Session{}, errors.New("the database is on fire"))
			}
		}
		return people("zoë").Sessions(ctx)
	})
	handler, err := page.Options{Logger: slog.New(slog.DiscardHandler), Key: make([]byte, 32)}.NewHandler(
		page.Site{Name: "one", Store: people("ada", "\u202enimda", "аdmin", "admin", "zoë"), Auth: sesame, Administrator: "/administrator/"},
		page.Site{Name: "two.example", Store: people("zoe"), Auth: token("of-two"), Page: "//two.example/capi/"},
		page.Site{Name: "three", Store: failing, Auth: shut})
	require.NoError(t, err)
	f.Server = httptest.NewServer(handler)
	t.Cleanup(f.Close)
	return f
}

// TestPageFleet shows that the page tells the truth about each site. It records
// the trees that screen readers get in all states.
func TestPageFleet(t *testing.T) {
	f := newFleet(t)
	b := startBrowser(t)
	script := axe(t)
	tab := b.open(t, 1280, 1100)
	f.shut.Store(true)
	tab.load(f.URL)
	assert.Equal(t, "The site is busy or out of service at the moment. Trying again.", tab.text("#notice"))
	assert.True(t, eval[bool](tab, `document.getElementById("sign-in").checkVisibility()`), "there are other sites")
	f.shut.Store(false)
	tab.load(f.URL)
	tab.recordTree("greeting")
	tab.do(focus("#token"))
	tab.press("sesame", kb.Enter)
	tab.eventually(whole)

	site := func(name string) string {
		return `Array.from(document.querySelectorAll("#sites tbody tr")).find((row) => row.querySelector("button").textContent === ` + quote(name) + `)`
	}
	for name, want := range map[string]string{
		"one": "Answers", "two.example": "The server does not accept this token. Since ", "three": "The server has failed (status 500). Since ",
	} {
		assert.Contains(t, eval[string](tab, site(name)+`.querySelector(".state").textContent`), want)
		assert.Equal(t, name != "one", eval[bool](tab, site(name)+`.matches(".missing")`))
	}
	red := eval[string](tab, `getComputedStyle(`+site("three")+`.querySelector(".state")).color`)
	assert.Equal(t, eval[string](tab, `getComputedStyle(document.querySelector(".tile .of")).color`), red)
	assert.NotContains(t, tab.text("body"), "fire", "the cause is nobody's business")
	for _, tile := range []string{"loggedIn", "waiting", "guests", "ended"} {
		assert.Equal(t, "1 of 3 sites", tab.text(".tile."+tile+" .of"))
	}
	assert.Contains(t, tab.text("#sum"), "1 of 3 sites")
	assert.Contains(t, tab.text("#state"), "1 of 3 sites")
	assert.Equal(t, "partial", eval[string](tab, `document.getElementById("state").dataset.state`), "no green light")
	assert.Equal(t, "//two.example/capi/", eval[string](tab, site("two.example")+`.querySelector("a").href.replace(/^http:/, "")`))
	if folder := os.Getenv("CAPI_SCREENSHOTS"); folder != "" {
		tab.screenshot(filepath.Join(folder, "fleet-1280.png"))
	}
	tab.recordTree("fleet")
	tab.noViolations(script, "fleet")

	// A site comes back by itself, and leaves the focus where it is.
	since := eval[string](tab, site("two.example")+`.querySelector(".state").textContent`)
	eval[bool](tab, `(() => {
		const interval = document.getElementById("interval");
		interval.options[1].value = "0.2";
		interval.selectedIndex = 1;
		return interval.dispatchEvent(new Event("change"));
	})()`)
	tab.do(focus("#sites form:not([hidden]) input"))
	tab.press("of-")
	f.down.Store(false)
	tab.eventually(site("three") + `.querySelector(".state").textContent === "Answers"`)
	assert.Equal(t, "2 of 3 sites", tab.text(".tile.loggedIn .of"))
	assert.Equal(t, since, eval[string](tab, site("two.example")+`.querySelector(".state").textContent`), "since it failed first")
	assert.Equal(t, "of-", eval[string](tab, `document.activeElement.value`))
	tab.press("two", kb.Enter)
	tab.eventually(`document.querySelector(".tile.loggedIn .of").textContent === "" && document.querySelector(".tile.loggedIn .count").textContent === "7"`)

	// The focus comes back from the details to their session, which a refresh has
	// moved.
	f.down.Store(true)
	tab.eventually(`document.querySelector(".tile.loggedIn .of").textContent === "2 of 3 sites" && document.querySelectorAll("#spacer > .row").length === 6`)
	session := eval[string](tab, `(() => {
		const row = document.querySelector("#spacer > .row:last-child"), name = row.querySelector(".name");
		name.focus();
		name.click();
		return row.querySelector(".session .value").textContent;
	})()`)
	f.down.Store(false)
	tab.eventually(`document.querySelectorAll("#spacer > .row").length === 7`)
	tab.press(kb.Escape)
	tab.eventually(`document.activeElement.closest(".row")?.querySelector(".session .value").textContent === ` + quote(session))

	// Over all sites: whoever is found, in any composition.
	tab.do(focus("#filter"))
	tab.press("zoe")
	tab.eventually(`document.getElementById("shown").textContent === "Shown: 3 people in 3 sessions"`)
	tab.eventually(`document.querySelectorAll("#spacer > .row").length === 3`)
	assert.ElementsMatch(t, []string{"zoë", "zoe", "zoë"}, tab.column(".name"))
	assert.ElementsMatch(t, []string{"one", "two.example", "three"}, tab.column(".note"))

	// Names that could be taken for another's.
	eval[bool](tab, `(() => { `+site("one")+`.querySelector("button").click(); return true })()`)
	tab.eventually(whole + ` && document.querySelectorAll("#spacer > .row").length === 1`)
	tab.do(clear("#filter"))
	tab.eventually(`document.querySelectorAll("#spacer > .row").length === 5`)
	assert.Equal(t, "?site=one&every=0.2", eval[string](tab, `location.search`))
	assert.Equal(t, []string{"ada", "[U+202E]nimda", "аdmin", "admin", "zoë"}, tab.column(".name"))
	assert.Equal(t, []string{"you", "", "looks like another usermixed alphabets", "", ""}, tab.column(".notes"))
	assert.Equal(t, []string{"user", "application", "last", "session"},
		eval[[]string](tab, `Array.from(document.querySelectorAll("#head [data-column]"), ({dataset}) => dataset.column)`), "what nobody has is no column")
	eval[bool](tab, `(() => { const interval = document.getElementById("interval"); interval.value = "0"; return interval.dispatchEvent(new Event("change")) })()`)
	tab.eventually(`document.getElementById("refresh").getAttribute("aria-busy") === "false"`)
	tab.recordTree("table")
	eval[bool](tab, `(() => { document.querySelector("#spacer .name").click(); return true })()`)
	tab.recordTree("details")
	tab.press(kb.Escape)

	// In a narrow window, and with nobody there any more.
	tab.do(chromedp.EmulateViewport(320, 900))
	tab.eventually(onScreenOrBelow)
	tab.recordTree("narrow")
	f.Close()
	tab.click("#refresh")
	tab.eventually(`document.getElementById("state").dataset.state === "gone"`)
	tab.recordTree("gone")
	tab.noViolations(script, "gone")
	assert.Empty(t, eval[[]string](tab, `violations`))
}
