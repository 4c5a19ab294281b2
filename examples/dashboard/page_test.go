package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/examples/internal/site"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The list that the page reads has neither session ids nor anything else of what sessions hold than the page shows.
func TestListHasNoSecrets(t *testing.T) {
	sessions := crowd(3)
	sessions[1].Data = []byte("not what Joomla writes: secret")
	sessions[2].Data = nil
	s := serve(t, sessions)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/api/v1/user/sessions", nil)
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer good")
	request.Header.Set("Origin", "https://elsewhere.example")
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	assert.Empty(t, response.Header.Get("Access-Control-Allow-Origin"), "other origins have no access")
	var list capi.Envelope[[]capi.Session]
	require.NoError(t, json.NewDecoder(response.Body).Decode(&list))
	require.Len(t, list.Msg, 3)
	for i, session := range list.Msg {
		assert.Regexp(t, `^[0-9a-f]{64}$`, session.ID)
		assert.NotContains(t, session.ID, sessions[i].ID)
		assert.Equal(t, sessions[i].Username, session.Username)
	}
	assert.JSONEq(t, fmt.Sprintf(`{"browser":"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0","started":%d,"requests":1}`,
		sessions[0].Time.Add(-time.Hour).Unix()), string(list.Msg[0].Data))
	assert.Nil(t, list.Msg[1].Data)
	assert.Nil(t, list.Msg[2].Data)
}

func TestPage(t *testing.T) {
	b := startBrowser(t)

	t.Run("shows five hundred sessions", func(t *testing.T) { screens(t, b) })
	t.Run("filters and sorts by keyboard", func(t *testing.T) { keyboard(t, b) })
	t.Run("turns pages by keyboard", func(t *testing.T) { paging(t, b) })
	t.Run("shows hostile values as text", func(t *testing.T) { hostile(t, b) })
	t.Run("shows odd sessions", func(t *testing.T) { odd(t, b) })
	t.Run("is guarded by its policy", func(t *testing.T) { guarded(t, b) })
	t.Run("says when access is refused", func(t *testing.T) { refused(t, b) })
	t.Run("says when the server is gone", func(t *testing.T) { gone(t, b) })
	t.Run("refreshes by itself", func(t *testing.T) { refreshes(t, b) })
	t.Run("is readable in dark and light", func(t *testing.T) { contrast(t, b) })
	t.Run("stays usable with 20,000 sessions", func(t *testing.T) { many(t, b) })
}

// screens looks at the page of a real site's sessions, wide and narrow. With CAPI_SCREENSHOTS set to a folder, it leaves
// the pictures there.
func screens(t *testing.T, b *browser) {
	demo, err := site.Open(t.Context(), t.TempDir(), 484)
	require.NoError(t, err)
	defer demo.Close()
	joomla, err := capi.NewSite(demo.DB, demo.Config)
	require.NoError(t, err)
	store := capi.NewSQLStore(joomla)
	sessions, err := capi.Collect(store.Sessions(t.Context()))
	require.NoError(t, err)
	require.Len(t, sessions, 500)
	var guests, administrators int
	for _, session := range sessions {
		switch {
		case session.Guest:
			guests++
		case session.ClientID == capi.ClientAdministrator:
			administrators++
		}
	}
	everybody := capi.AuthorizerFunc(func(*http.Request) error { return nil })
	dashboard, err := newDashboard(store, everybody, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	server := httptest.NewServer(dashboard)
	defer server.Close()

	folder := os.Getenv("CAPI_SCREENSHOTS")
	if folder == "" {
		folder = t.TempDir()
	}
	for _, width := range []int64{1280, 400} {
		tab := b.open(t, width, map[int64]int64{1280: 960, 400: 1360}[width])
		tab.load(server.URL)
		assert.Equal(t, "500", tab.text(".kinds .all .count"))
		assert.Equal(t, fmt.Sprint(guests), tab.text(".kinds .guest .count"))
		assert.Equal(t, fmt.Sprint(500-guests-administrators), tab.text(".kinds .user .count"))
		assert.Equal(t, fmt.Sprint(administrators), tab.text(".kinds .administrator .count"))
		assert.Equal(t, "1–50 of 500", tab.text("#range"))
		assert.Len(t, tab.column("username"), 50)
		assert.Contains(t, eval[string](tab, `document.querySelector("#plot svg").getAttribute("aria-label")`), "Sessions by last activity")
		assert.Equal(t, 500, eval[int](tab, `Array.from(document.querySelectorAll("#plot-table td"), (cell) => Number(cell.textContent)).reduce((a, b) => a + b)`),
			"the plot as a table has each session once")
		noScrolling(t, tab, width)
		noWholeIDs(t, tab, sessions)
		assert.Empty(t, eval[[]string](tab, `violations`))
		tab.screenshot(filepath.Join(folder, fmt.Sprintf("dashboard-%d.png", width)))
	}
}

// noScrolling checks that the page is no wider than the window.
func noScrolling(t *testing.T, tab *tab, width int64) {
	t.Helper()
	assert.LessOrEqual(t, eval[int64](tab, `document.documentElement.scrollWidth`), width, "the page scrolls sideways")
}

// noWholeIDs checks that no session id is anywhere in the page, nor a pseudonym of one.
func noWholeIDs(t *testing.T, tab *tab, sessions []capi.Session) {
	t.Helper()
	document := eval[string](tab, `document.documentElement.outerHTML`)
	for _, session := range sessions {
		assert.False(t, session.ID != "" && strings.Contains(document, session.ID), "a session id is in the page")
	}
	assert.Empty(t, regexp.MustCompile(`[0-9a-f]{20}`).FindString(document), "a pseudonym is in the page")
	for _, id := range tab.column("id") {
		assert.Regexp(t, `^[0-9a-f]{4}…$`, id)
	}
}

func keyboard(t *testing.T, b *browser) {
	sessions := crowd(300)
	s := serve(t, sessions)
	tab := b.open(t, 1280, 900)
	tab.load(s.URL + "/#token=good")

	var names []string
	for _, session := range sessions {
		names = append(names, cmp.Or(session.Username, "–"))
	}
	assert.Equal(t, names[:50], tab.column("username"), "the newest first")

	tab.tabTo("#filter")
	tab.press("P", "e", "r", "s", "o", "n", "0", "0", "0", "1")
	var found []string
	for _, name := range names {
		if strings.HasPrefix(name, "person0001") {
			found = append(found, name)
		}
	}
	require.Greater(t, len(found), 3)
	assert.Equal(t, found, tab.column("username"))
	assert.Equal(t, fmt.Sprintf("1–%d of %d", len(found), len(found)), tab.text("#range"))

	tab.tabTo(`th[data-column="username"] button`)
	tab.press(kb.Enter)
	slices.Sort(found)
	assert.Equal(t, found, tab.column("username"))
	assert.Equal(t, "ascending", eval[string](tab, `document.activeElement.parentElement.getAttribute("aria-sort")`))
	tab.press(" ")
	slices.Reverse(found)
	assert.Equal(t, found, tab.column("username"))
	assert.Equal(t, "descending", eval[string](tab, `document.activeElement.parentElement.getAttribute("aria-sort")`))
	assert.Equal(t, 1, eval[int](tab, `document.querySelectorAll("[aria-sort=ascending], [aria-sort=descending]").length`))

	tab.do(clear("#filter"))
	tab.tabTo(".kinds .administrator")
	tab.press(" ")
	assert.Equal(t, "1–50 of 100", tab.text("#range"))
	assert.Equal(t, "true", eval[string](tab, `document.activeElement.getAttribute("aria-pressed")`))
	assert.NotContains(t, tab.column("kind"), "User")
	tab.press(" ")
	assert.Equal(t, "1–50 of 300", tab.text("#range"))

	for _, column := range eval[[]string](tab, `Array.from(document.querySelectorAll("[data-column]"), (header) => header.dataset.column)`) {
		tab.tabTo(fmt.Sprintf(`th[data-column="%s"] button`, column))
		tab.press(kb.Enter)
		first := eval[string](tab, `document.querySelector("tbody[role]").textContent`)
		tab.press(kb.Enter)
		assert.NotEqual(t, first, eval[string](tab, `document.querySelector("tbody[role]").textContent`), "sorting by %s has two directions", column)
	}

	tab.do(clear("#filter"))
	tab.tabTo("#filter")
	tab.press("(", "[", "*")
	assert.Empty(t, tab.column("username"))
	assert.Equal(t, "No session matches.", tab.text("#none"))
}

func paging(t *testing.T, b *browser) {
	sessions := crowd(120)
	s := serve(t, sessions)
	tab := b.open(t, 1280, 900)
	tab.load(s.URL + "/#token=good")
	tab.tabTo("#next")
	for _, want := range []string{"51–100 of 120", "101–120 of 120", "101–120 of 120"} {
		tab.press(kb.Enter)
		assert.Equal(t, want, tab.text("#range"))
	}
	assert.Len(t, tab.column("username"), 20)
	assert.Equal(t, "next", eval[string](tab, `document.activeElement.id`), "the focus stays")
	s.change(sessions[:60], none)
	tab.click("#refresh")
	tab.eventually(`document.querySelector(".kinds .all .count").textContent === "60"`)
	assert.Equal(t, "51–60 of 60", tab.text("#range"), "the last page there is")
}

func hostile(t *testing.T, b *browser) {
	values := []string{
		`<script>window.hacked = 1</script>`,
		`<img src=x onerror="window.hacked = 2">`,
		`"><svg onload=window.hacked=3>`,
		`' onfocus='window.hacked=4' autofocus tabindex=0 x='`,
		`</td></tr></table><iframe srcdoc="<script>parent.hacked=5</script>">`,
		`javascript:window.hacked=6`,
		`{{constructor.constructor('window.hacked=7')()}}${window.hacked=8}`,
		`&lt;b&gt;&#x3c;script&#x3e;&amp;`,
		"\u202egnp.exe\u202d\u2066", // Writes from right to left.
		"\u05de\u05e0\u05d4\u05dc \u0645\u062f\u064a\u0631",
		"\x00\x07\x1b[31m\r\n\t\u2028",
		"__proto__", "constructor", "toString",
		strings.Repeat("W", 150),
		strings.Repeat("<b>", 50),
		"e" + strings.Repeat("\u0301", 140),
		strings.Repeat("\U0001F468\u200d\U0001F469\u200d", 20),
	}
	sessions := crowd(len(values))
	for i := range sessions {
		sessions[i].Guest = false
		sessions[i].Username = values[i]
		sessions[i].Data = held(values[(i+1)%len(values)], sessions[i].Time, 1)
	}
	// What a name is taken for must not depend on its kind or application either.
	sessions[0].ClientID = 99
	sessions[1].Data = held(strings.Repeat("<i>Mozilla/5.0 ", 1000), sessions[1].Time, 1)
	sessions[2].ID = `<img src=x onerror="window.hacked = 9">`
	s := serve(t, sessions)

	for _, width := range []int64{1280, 400} {
		tab := b.open(t, width, 900)
		tab.load(s.URL + "/#token=good")
		assert.Equal(t, values, tab.column("username"))
		browsers := tab.column("browser")
		for i := range values {
			if i != 1 {
				assert.Equal(t, values[(i+1)%len(values)], browsers[i])
			}
		}
		assert.Equal(t, "Application 99", tab.column("application")[0])
		assert.Equal(t, "undefined", eval[string](tab, `typeof window.hacked`))
		assert.Equal(t, 1, eval[int](tab, `document.querySelectorAll("script").length`))
		assert.Equal(t, 0, eval[int](tab, `document.querySelectorAll("img, iframe, [onerror], [onload], [onfocus], tbody b, tbody svg, [autofocus]").length`))
		assert.Equal(t, 1, eval[int](tab, `document.querySelectorAll("#plot svg").length`))
		noScrolling(t, tab, width)
		assert.Less(t, eval[float64](tab, `Math.max(...Array.from(document.querySelectorAll("#table tbody tr"), (row) => row.offsetHeight))`),
			260.0, "no row pushes the others away")
		assert.True(t, eval[bool](tab, `Array.from(document.querySelectorAll("#table tbody td")).every((cell) => getComputedStyle(cell).direction === "ltr")`))
		assert.Empty(t, eval[[]string](tab, `violations`))

		tab.do(focus("#filter"))
		tab.press("<", "S", "C", "R", "I", "P", "T", ">", "W")
		assert.Subset(t, tab.column("username"), values[:1])
		assert.Less(t, len(tab.column("username")), len(values)/2)
	}
}

// odd are sessions as sites of other versions and settings have them.
func odd(t *testing.T, b *browser) {
	sessions := make(capi.Sessions, 3) // No id, no application, no time, no data, and yet somebody.
	sessions[0].ClientID, sessions[2].ClientID = capi.ClientNone, capi.ClientNone
	sessions[1].ID = "ab"
	sessions[1].ClientID = 4
	sessions[1].Guest = true
	sessions[2].ID = "0123456789abcdef"
	sessions[2].Time = time.Date(2015, 10, 25, 14, 40, 0, 0, time.UTC)
	s := serve(t, sessions)
	tab := b.open(t, 1280, 900)
	tab.load(s.URL + "/#token=good")
	assert.ElementsMatch(t, []string{"Shared", "CLI", "Shared"}, tab.column("application"))
	assert.ElementsMatch(t, []string{"User", "Guest", "User"}, tab.column("kind"))
	times := tab.column("time")
	assert.Contains(t, times[0], " d")
	assert.Equal(t, []string{"–", "–"}, times[1:])
	for _, class := range []string{"browser", "started", "requests"} {
		assert.False(t, eval[bool](tab, fmt.Sprintf(`document.querySelector("#table th.%s").checkVisibility()`, class)), "nothing is known of the %s", class)
	}
	assert.Contains(t, eval[string](tab, `document.querySelector("#plot svg").getAttribute("aria-label")`), "2 without a time are not shown")

	s.change(capi.Sessions{}, none)
	tab.click("#refresh")
	tab.eventually(`document.getElementById("none").textContent === "There are no sessions."`)
	assert.Equal(t, "0", tab.text(".kinds .all .count"))
}

// guarded shows that the browser enforces what the page is to be guarded by, and that these tests would notice.
func guarded(t *testing.T, b *browser) {
	s := serve(t, crowd(3))
	tab := b.open(t, 1280, 900)
	tab.load(s.URL + "/#token=good")
	assert.Equal(t, "TypeError", eval[string](tab, `(() => { try { document.body.innerHTML = "<b>x</b>" } catch (error) { return error.name } })()`))
	assert.Equal(t, "refused", eval[string](tab, `new Promise((resolve) => {
		const script = document.createElement("img");
		script.onerror = () => resolve("refused");
		script.onload = () => resolve("loaded");
		script.src = "http://elsewhere.example/";
		document.body.append(script);
	})`))
	assert.Equal(t, "refused", eval[string](tab, `fetch("http://elsewhere.example/").then(() => "sent", () => "refused")`))
	tab.eventually(`violations.length >= 3`)
	assert.ElementsMatch(t, []string{"require-trusted-types-for", "img-src", "connect-src"}, eval[[]string](tab, `violations`))
	tab.expectComplaints("Content Security Policy")
	tab.expectComplaints("TrustedHTML")
}

func refused(t *testing.T, b *browser) {
	sessions := crowd(30)
	s := serve(t, sessions)
	tab := b.open(t, 400, 900)
	tab.load(s.URL)
	assert.Equal(t, "Access refused: you are not logged in here as a Super Admin.", tab.text("#notice"))
	assert.Equal(t, "alert", eval[string](tab, `document.getElementById("notice").getAttribute("role")`))
	assert.False(t, eval[bool](tab, `document.getElementById("content").checkVisibility()`))
	noScrolling(t, tab, 400)

	for _, attempt := range []struct{ token, notice string }{
		{"stale", "Access refused: the server does not accept this token."},
		{"weak", "Access refused: only Super Admins may see the sessions."},
	} {
		tab.tabTo("#token")
		tab.press(attempt.token, kb.Enter)
		tab.eventually(fmt.Sprintf(`document.getElementById("notice").textContent === %s`, quote(attempt.notice)))
	}
	asked := s.requests()
	tab.tabTo("#token")
	tab.press("good", kb.Enter)
	tab.eventually(`document.getElementById("content").checkVisibility()`)
	assert.Equal(t, asked+1, s.requests(), "who is refused is not asked about again and again")
	assert.False(t, eval[bool](tab, `document.getElementById("notice").checkVisibility()`))
	assert.False(t, eval[bool](tab, `document.getElementById("sign-in").checkVisibility()`))
	assert.Len(t, tab.column("username"), 30)
	assert.NotContains(t, eval[string](tab, `document.documentElement.outerHTML`), "good", "the token is nowhere")
	assert.Equal(t, 0, eval[int](tab, `localStorage.length + sessionStorage.length + document.cookie.length`))

	// Access that ends takes away what was readable before.
	s.change(sessions, withdrawn)
	tab.click("#refresh")
	tab.eventually(`document.getElementById("state").dataset.state === "forbidden"`)
	assert.NotContains(t, eval[string](tab, `document.documentElement.outerHTML`), "person")

	// The token of an address is taken out of it.
	s.change(sessions, none)
	tab.load(s.URL + "/?x=y#token=good")
	tab.eventually(`document.getElementById("state").dataset.state === "live"`)
	assert.Equal(t, s.URL+"/?x=y", eval[string](tab, `location.href`))
}

func gone(t *testing.T, b *browser) {
	sessions := crowd(30)
	s := serve(t, sessions)
	tab := b.open(t, 1280, 900)
	tab.load(s.URL + "/#token=good")
	hurry(tab)
	for _, fault := range []struct {
		failure failure
		notice  string
	}{
		{failing, "The server has failed (status 500)."},
		{cut, "The server broke off in the middle of the list."},
		{notAList, "The server sent something else than a session list."},
		{notSessions, "The server sent something else than a session list."},
		{unreachable, "The server cannot be reached."},
	} {
		s.change(sessions, fault.failure)
		tab.eventually(fmt.Sprintf(`document.getElementById("notice").textContent.startsWith(%s)`, quote(fault.notice)))
		assert.Equal(t, "gone", eval[string](tab, `document.getElementById("state").dataset.state`))
		assert.Regexp(t, `What you see is from .*\d+:\d+:\d+.*\. Trying again\.$`, tab.text("#notice"))
		assert.Len(t, tab.column("username"), 30, "the last whole list stays")
		assert.NotContains(t, tab.text("body"), "fire", "the cause is nobody's business")

		s.change(sessions, none)
		tab.eventually(`document.getElementById("state").dataset.state === "live"`)
		assert.False(t, eval[bool](tab, `document.getElementById("notice").checkVisibility()`))
	}

	tab.click("#pause")
	s.CloseClientConnections()
	s.Listener.Close()
	tab.click("#refresh")
	tab.eventually(`document.getElementById("notice").textContent.startsWith("The server cannot be reached.")`)
	assert.Contains(t, tab.text("#notice"), "Refreshing is paused.")
}

// hurry makes the shortest interval of refreshing a tenth of a second, and chooses it.
func hurry(tab *tab) {
	tab.t.Helper()
	eval[bool](tab, `(() => {
		const interval = document.getElementById("interval");
		interval.options[0].value = "0.1";
		interval.selectedIndex = 0;
		return interval.dispatchEvent(new Event("change"));
	})()`)
}

func refreshes(t *testing.T, b *browser) {
	s := serve(t, crowd(30))
	tab := b.open(t, 1280, 900)
	tab.load(s.URL + "/#token=good")
	assert.Equal(t, "15", eval[string](tab, `document.getElementById("interval").value`))
	assert.Equal(t, 1, s.requests())
	hurry(tab)
	s.change(crowd(60), none)
	tab.eventually(`document.querySelector(".kinds .all .count").textContent === "60"`)

	tab.tabTo("#pause")
	tab.press(" ")
	assert.Equal(t, "Resume", tab.text("#pause"))
	tab.eventually(`document.getElementById("refresh").getAttribute("aria-busy") === "false"`)
	asked := s.requests()
	// A page that would go on does so five times in this time.
	eval[bool](tab, `new Promise((resolve) => setTimeout(() => resolve(true), 500))`)
	assert.Equal(t, asked, s.requests(), "paused")
	assert.Equal(t, "paused", eval[string](tab, `document.getElementById("state").dataset.state`))

	s.change(crowd(90), none)
	tab.press(" ")
	tab.eventually(`document.querySelector(".kinds .all .count").textContent === "90"`)
	asked = s.requests()
	tab.eventually(`performance.getEntriesByType("resource").filter(({name}) => name.includes("/api/")).length > ` + fmt.Sprint(asked+1))
	assert.Equal(t, "pause", eval[string](tab, `document.activeElement.id`), "refreshing leaves the focus alone")
}

// contrast measures the contrast of the page's texts as WCAG 2 defines it. It asks for 4.5, its level AA.
func contrast(t *testing.T, b *browser) {
	s := serve(t, crowd(30))
	tab := b.open(t, 1280, 900)
	var backgrounds []string
	for _, dark := range []bool{false, true} {
		tab.dark(dark)
		s.change(crowd(30), none)
		tab.load(s.URL + "/?dark=" + fmt.Sprint(dark) + "#token=good")
		backgrounds = append(backgrounds, eval[string](tab, `getComputedStyle(document.body).backgroundColor`))
		low := eval[[]string](tab, lowContrast)
		assert.Empty(t, low, "dark: %v", dark)
		s.change(nil, withdrawn)
		tab.click("#refresh")
		tab.eventually(`document.getElementById("state").dataset.state === "forbidden"`)
		assert.Empty(t, eval[[]string](tab, lowContrast), "refused, dark: %v", dark)
	}
	assert.NotEqual(t, backgrounds[0], backgrounds[1])
}

// lowContrast gives the texts that stand out too little from what is behind them.
const lowContrast = `(() => {
	const canvas = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
	const rgba = (color) => {
		canvas.clearRect(0, 0, 1, 1);
		canvas.fillStyle = color;
		canvas.fillRect(0, 0, 1, 1);
		return canvas.getImageData(0, 0, 1, 1).data;
	};
	const luminance = ([r, g, b]) => [r, g, b].map((v) => v / 255)
		.map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
		.reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
	const behind = (element) => {
		for (; element; element = element.parentElement) {
			const color = rgba(getComputedStyle(element).backgroundColor);
			if (color[3] > 0) return color;
		}
	};
	const low = new Set();
	let seen = 0;
	for (const element of document.querySelectorAll("body *")) {
		const text = Array.from(element.childNodes).some((node) => node.nodeType === 3 && node.data.trim());
		if (!text || !element.checkVisibility() || element.closest("[aria-disabled=true]")) continue;
		const style = getComputedStyle(element);
		const [x, y] = [rgba(element instanceof SVGElement ? style.fill : style.color), behind(element)].map(luminance);
		const ratio = (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
		seen++;
		if (ratio < 4.5) low.add(element.tagName + "." + element.getAttribute("class") + " " + element.textContent.slice(0, 20) + " " + ratio.toFixed(2));
	}
	if (seen < 5) low.add("nothing to see");
	return [...low];
})()`

func many(t *testing.T, b *browser) {
	sessions := crowd(20_000)
	s := serve(t, sessions)
	tab := b.open(t, 1280, 900)
	tab.load(s.URL + "/#token=good")
	tab.eventually(`performance.getEntriesByName("refresh").length > 0`)
	assert.Equal(t, "1–50 of 20,000", tab.text("#range"))
	first := time.Duration(eval[float64](tab, `(([{startTime, duration}]) => startTime + duration)(performance.getEntriesByName("refresh"))`) * float64(time.Millisecond))

	tab.do(focus("#filter"))
	tab.press("p", "e", "r", "s", "o", "n", "0", "1")
	tab.eventually(`performance.getEntriesByName("filter").length === 8`)
	filter := slices.Max(tab.measured("filter"))
	assert.Contains(t, tab.text("#range"), "1–50 of 666")

	tab.do(clear("#filter"))
	var sort time.Duration
	for range 2 {
		ms := eval[float64](tab, `(() => {
			const start = performance.now();
			document.querySelector("th[data-column=username] button").click();
			document.body.offsetHeight;
			return performance.now() - start;
		})()`)
		sort = max(sort, time.Duration(ms*float64(time.Millisecond)))
	}
	assert.Equal(t, "person19999", tab.column("username")[0])

	tab.click("#refresh")
	tab.eventually(`performance.getEntriesByName("refresh").length > 1`)
	refresh := tab.measured("refresh")[1]
	t.Logf("20,000 sessions: first rows %v after the address was opened, filter %v a key at most, sort %v, refresh %v",
		first.Round(time.Millisecond), filter.Round(time.Millisecond), sort.Round(time.Millisecond), refresh.Round(time.Millisecond))
	assert.Less(t, first, 15*time.Second)
	assert.Less(t, filter, 2*time.Second)
	assert.Less(t, sort, 2*time.Second)
	assert.Less(t, eval[int](tab, `document.querySelectorAll("*").length`), 2000, "the page stays small")
}
