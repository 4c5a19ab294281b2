package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// whole is true when the page shows all of the feeds that there are.
const whole = `["live", "partial"].includes(document.getElementById("state").dataset.state) && document.getElementById("sum").dataset.whole === "true" &&
	document.getElementById("refresh").getAttribute("aria-busy") === "false"`

// TestPage looks at the page of capi serve, over rows of MariaDB that a real
// Joomla 6 has written, with some more. With CAPI_SCREENSHOTS set to a folder,
// it leaves pictures there.
func TestPage(t *testing.T) {
	site, php := newPageSite(t)
	recorded := len(site.Tables["session"])
	const crowded, added = 400, 3
	site.insertCrowd(t, crowd{sessions: crowded, guests: 2, ended: 9})
	site.insertSession(t, "real-name", 0, 900, pageUser{"zoe", "Zoë Müller"}, agents[0])
	site.insertSession(t, "renamed", 0, 901, pageUser{"yves", "Yves"}, agents[0])
	site.Exec(t, `UPDATE "#__users" SET "username" = 'yvonne', "name" = 'Yvonne', "block" = 1 WHERE "id" = 901`)
	site.insertSession(t, "deleted", 0, 902, pageUser{"xaver", "Xaver"}, agents[0])
	site.Exec(t, `DELETE FROM "#__users" WHERE "id" = 902`)
	program := serveProcess(t, php)
	b := startBrowser(t)
	address := program.URL + pagePath

	folder := os.Getenv("CAPI_SCREENSHOTS")
	if folder == "" {
		folder = t.TempDir()
	}
	for _, dark := range []bool{false, true} {
		for _, width := range []int64{1280, 400} {
			t.Run(fmt.Sprintf("%d pixels, dark %v", width, dark), func(t *testing.T) {
				script := axe(t)
				tab := b.open(t, width, map[int64]int64{1280: 960, 400: 1360}[width])
				tab.dark(dark)
				tab.goTo(address + "#token=" + site.token())
				tab.eventually(whole)
				assert.Equal(t, address, eval[string](tab, `location.href`), "the token is taken out of the address")
				numbersAddUp(t, tab, recorded+crowded+added)
				noScrolling(t, tab, width)
				marksStandOut(t, tab)
				tab.noViolations(script, fmt.Sprint(width, dark))
				if !dark {
					tab.screenshot(filepath.Join(folder, fmt.Sprintf("page-%d.png", width)))
				} else if width == 1280 {
					tab.screenshot(filepath.Join(folder, "page-dark.png"))
				}
				// On a telephone as elsewhere, people come before the plot.
				assert.True(t, eval[bool](tab, `document.getElementById("table").getBoundingClientRect().top <
					document.getElementById("activity").getBoundingClientRect().top`))
				tab.click(".tile.ended")
				tab.eventually(`document.querySelector("#spacer > .row.ended-heading") !== null`)
				tab.noViolations(script, "ended sessions")
				assert.Empty(t, eval[[]string](tab, `violations`))
			})
		}
	}
	t.Run("widths", func(t *testing.T) { pageWidths(t, b, address+"#token="+site.token()) })
	t.Run("resized", func(t *testing.T) { pageResized(t, b, address+"#token="+site.token()) })
	t.Run("people", func(t *testing.T) { people(t, b, site, address) })
	t.Run("address", func(t *testing.T) { pageAddress(t, b, site, address) })
	t.Run("keyboard", func(t *testing.T) { keyboard(t, b, site, address) })
	t.Run("cookie", func(t *testing.T) { cookie(t, b, site, address) })
	t.Run("paper", func(t *testing.T) { paper(t, b, site, address) })
	t.Run("hostile names", func(t *testing.T) { hostile(t, b, site, address) })
}

// numbersAddUp checks that each session is counted once, wherever numbers are.
func numbersAddUp(t *testing.T, tab *tab, want int) {
	t.Helper()
	for _, id := range []string{"applications", "activity"} {
		assert.Equal(t, want, eval[int](tab, `Array.from(document.querySelectorAll("#`+id+` tbody tr"))
			.filter((row) => !row.cells[0].textContent.startsWith("Total"))
			.flatMap((row) => Array.from(row.cells).slice(1, 4)).reduce((sum, {textContent}) => sum + Number(textContent.replaceAll(",", "")), 0)`), id)
	}
	sum := eval[[]int](tab, `document.getElementById("sum").textContent.split(" · ")[0].match(/[\d,]+/g).map((n) => Number(n.replaceAll(",", "")))`)
	require.Len(t, sum, 5)
	assert.Equal(t, want, sum[4])
	assert.Equal(t, want, sum[0]+sum[1]+sum[2]+sum[3])
	assert.Contains(t, tab.text(".tile.loggedIn .detail"), fmt.Sprintf("in %d session", sum[0]))
	assert.Equal(t, fmt.Sprint(sum[1]), tab.text(".tile.waiting .count"))
	assert.Equal(t, fmt.Sprint(sum[2]), tab.text(".tile.guests .count"))
	assert.Equal(t, fmt.Sprint(sum[3]), tab.text(".tile.ended .count"))
}

// noScrolling checks that the page is no wider than the window.
func noScrolling(t *testing.T, tab *tab, width int64) {
	t.Helper()
	assert.LessOrEqual(t, eval[int64](tab, `document.documentElement.scrollWidth`), width, "the page scrolls sideways")
}

// marksStandOut measures the contrast of what is no text, as WCAG 2 defines it:
// 3:1 for marks, bars and the edges of what can be used.
func marksStandOut(t *testing.T, tab *tab) {
	t.Helper()
	assert.Empty(t, eval[[]string](tab, `(() => {
		const canvas = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
		const rgb = (color) => {
			canvas.clearRect(0, 0, 1, 1);
			canvas.fillStyle = color;
			canvas.fillRect(0, 0, 1, 1);
			return canvas.getImageData(0, 0, 1, 1).data;
		};
		const luminance = (color) => Array.from(rgb(color)).slice(0, 3).map((v) => v / 255)
			.map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
			.reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
		const behind = (element) => {
			while (rgb(getComputedStyle(element).backgroundColor)[3] === 0) element = element.parentElement;
			return getComputedStyle(element).backgroundColor;
		};
		const low = [];
		let seen = 0;
		const look = (name, color, back) => {
			const [x, y] = [color, back].map(luminance);
			const ratio = (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
			seen++;
			if (ratio < 3) low.push(name + " " + ratio.toFixed(2));
		};
		for (const name of document.querySelectorAll(".tile .name"))
			look(name.parentElement.className, getComputedStyle(name, "::before").backgroundColor, behind(name));
		for (const part of document.querySelectorAll(".bar > span"))
			look(part.className, getComputedStyle(part).backgroundColor, behind(part.parentElement));
		for (const control of document.querySelectorAll("button.tile, .controls button, select, input"))
			look(control.id + control.className, getComputedStyle(control).borderTopColor, behind(control.parentElement));
		look("state", getComputedStyle(document.getElementById("state"), "::before").backgroundColor, behind(document.body));
		if (seen < 30) low.push("nothing to see");
		return low;
	})()`))
}

// people looks at what the table says of them.
func people(t *testing.T, b *browser, site *testSite, address string) {
	tab := b.open(t, 1280, 960)
	tab.goTo(address + "#token=" + site.token())
	tab.eventually(whole)
	type shown struct{ Name, Username, Notes, Application, Requests, Browser, Session, Class string }
	rows := func() []shown {
		return eval[[]shown](tab, `Array.from(document.querySelectorAll("#spacer > .row:not(.ended-heading)"))
			.sort((a, b) => a.ariaRowIndex - b.ariaRowIndex).map((row) => {
				const text = (selector) => row.querySelector(selector).textContent;
				return {Name: text(".name"), Username: text(".username"), Application: text(".application .value"),
					Notes: Array.from(row.querySelectorAll(".notes > *"), ({textContent}) => textContent).join(", "),
					Requests: text(".requests .value"), Browser: text(".browser .value"), Session: text(".session .value"), Class: row.className};
			})`)
	}
	find := func(words, want string) []shown {
		tab.do(clear("#filter"), focus("#filter"))
		tab.press(words)
		tab.eventually(fmt.Sprintf(`document.getElementById("shown").textContent === %s`, quote("Shown: "+want)))
		tab.eventually(`document.querySelectorAll("#spacer > .row").length < 5`)
		return rows()
	}

	// What a site knows of users counts before what sessions say.
	found := find("muller", "1 person in 1 session")
	require.Len(t, found, 1)
	assert.Equal(t, shown{"Zoë Müller", "zoe", "", "Site", "6", "Firefox 140 on Linux", found[0].Session, "row first"}, found[0])
	assert.Regexp(t, `^[0-9a-f]{10}$`, found[0].Session)
	found = find("yves", "1 person in 1 session")
	require.Len(t, found, 1)
	assert.Equal(t, []string{"Yvonne", "yvonne", "blocked, renamed, was yves"}, []string{found[0].Name, found[0].Username, found[0].Notes})
	found = find("xaver", "0 people in 0 sessions, and 1 session that ended")
	require.Len(t, found, 1)
	assert.Equal(t, "ended, deleted", found[0].Notes)
	tab.click("#spacer .name")
	assert.Contains(t, tab.text("#details"), "User ID")
	assert.NotContains(t, tab.text("#details"), "E-mail", "nobody knows it any more")
	tab.press(kb.Escape)
	// Closed, the details give the focus back to their row. What comes next takes it.
	tab.eventually(`!document.getElementById("details").open && document.getElementById("spacer").contains(document.activeElement)`)

	// Groups: the Super Users are those who are Super Users.
	tab.do(clear("#filter"))
	eval[bool](tab, `(() => { const group = document.getElementById("group"); group.value = "super"; return group.dispatchEvent(new Event("change")) })()`)
	tab.eventually(`document.querySelectorAll("#spacer > .row").length > 2 &&
		Array.from(document.querySelectorAll("#spacer > .row:not(.ended-heading) .notes")).every(({textContent}) => textContent.includes("Super User"))`)
	tab.click("#clear")
	tab.eventually(`document.getElementById("group").value === "" && document.getElementById("clear").hidden`)

	// The session that a real Joomla 6 recorded as waiting, and only that one.
	tab.do(clear("#filter"))
	tab.click(".tile.waiting")
	tab.eventually(`document.getElementById("shown").textContent === "Shown: 1 person in 1 session"`)
	waiting := rows()
	require.Len(t, waiting, 1)
	assert.Equal(t, "super", waiting[0].Username)
	assert.Regexp(t, "^waiting for the second factor, Super User", waiting[0].Notes)
	assert.Equal(t, "1", tab.text(".tile.waiting .count"))
	assert.Equal(t, "true", eval[string](tab, `document.querySelector(".tile.waiting").getAttribute("aria-pressed")`))
	assert.Equal(t, "Show all again", tab.text(".tile.waiting .action"))
	tab.click(".tile.waiting")
	tab.eventually(`document.getElementById("shown").textContent !== "Shown: 1 person in 1 session"`)

	// Each person's sessions stand together.
	found = find("10002", "1 person in 2 sessions")
	require.Len(t, found, 2)
	assert.Equal(t, "2 sessions", found[0].Notes)
	assert.Equal(t, "row again", found[1].Class)
	assert.Equal(t, found[0].Name, found[1].Name, "for those who listen")

	// What has ended stands apart, is marked, and comes last.
	tab.do(clear("#filter"))
	tab.click(".tile.ended")
	tab.eventually(`document.querySelector("#spacer > .row.ended-heading") !== null`)
	for _, row := range rows() {
		assert.Contains(t, row.Class, "ended")
		assert.Contains(t, row.Notes, "ended")
	}
	assert.Regexp(t, `^Ended: \d+ sessions of \d+ people$`, tab.text(".ended-heading"))
	tab.click(".tile.ended")
	tab.eventually(`document.querySelector("#spacer > .row:not(.ended, .ended-heading)") !== null`)
	eval[bool](tab, `(() => { document.getElementById("scroller").scrollTop = 1e9; return true })()`)
	tab.eventually(`document.querySelector("#spacer > .row.ended .badge.over")?.textContent === "ended"`)

	// An application.
	eval[bool](tab, `(() => { document.querySelector("#applications [data-key='1']").click(); return true })()`)
	tab.eventually(`Array.from(document.querySelectorAll("#spacer .application .value"), ({textContent}) => textContent).every((name) => name === "Administrator")`)

	document := eval[string](tab, `document.documentElement.outerHTML`)
	for _, session := range site.Tables["session"] {
		assert.NotContains(t, document, fmt.Sprint(session["session_id"]))
	}
	assert.NotContains(t, document, site.token())
	assert.Equal(t, 0, eval[int](tab, `localStorage.length + sessionStorage.length + document.cookie.length`))
	assert.True(t, strings.HasSuffix(eval[string](tab, `document.getElementById("administrator").href`), "/administrator/"))
}

// keyboard uses the page without a mouse.
func keyboard(t *testing.T, b *browser, site *testSite, address string) {
	tab := b.open(t, 1280, 960)
	tab.goTo(address + "#token=" + site.token())
	tab.eventually(whole)
	tab.tabTo(".tile.waiting")
	tab.press(" ")
	tab.eventually(`document.querySelectorAll("#spacer > .row").length === 1`)
	assert.True(t, eval[bool](tab, `document.activeElement.matches(".tile.waiting")`), "the focus stays")
	tab.press(" ")
	for _, column := range []string{"user", "application", "last", "started", "requests", "browser"} {
		tab.tabTo(fmt.Sprintf(`[data-column="%s"] button`, column))
		var orders []string
		for range 2 {
			before := len(tab.measured("filter"))
			tab.press(kb.Enter)
			tab.eventually(fmt.Sprintf(`performance.getEntriesByName("filter").length > %d`, before))
			orders = append(orders, eval[string](tab, `document.activeElement.parentElement.getAttribute("aria-sort")`))
			assert.Equal(t, 1, eval[int](tab, `document.querySelectorAll("[aria-sort=ascending], [aria-sort=descending]").length`))
		}
		slices.Sort(orders)
		assert.Equal(t, []string{"ascending", "descending"}, orders, column)
	}
	tab.tabTo(`[data-column="user"] button`)
	tab.press(kb.Enter)
	tab.eventually(`document.querySelector("[data-column=user]").getAttribute("aria-sort") === "ascending" &&
		document.querySelector("#spacer > .row[aria-rowindex='2'] .name")?.textContent.startsWith("Ada ")`)
	// One stop of the Tab key leads to the rows, arrows from one to the next, also
	// beyond the screen, and Enter to all that is known of one.
	tab.tabTo("#spacer .name")
	row := `document.activeElement.closest(".row")?.ariaRowIndex`
	tab.press(kb.ArrowDown, kb.ArrowDown)
	tab.eventually(row + ` === "4"`)
	for range 3 {
		tab.press(kb.PageDown)
	}
	tab.eventually(`Number(` + row + `) > 20`)
	tab.press(kb.End)
	tab.eventually(atEnd + ` && ` + row + ` === document.getElementById("table").getAttribute("aria-rowcount")`)
	tab.press(kb.ArrowUp, kb.Home)
	tab.eventually(row + ` === "2"`)
	who := eval[string](tab, `document.activeElement.textContent`)
	tab.click("#refresh") // A click gives it the focus, so take it back.
	tab.eventually(whole)
	tab.do(focus("#spacer > .row[aria-rowindex='2'] .name"))
	eval[bool](tab, `(() => { document.getElementById("refresh").click(); return true })()`)
	tab.eventually(whole)
	assert.Equal(t, who, eval[string](tab, `document.activeElement.textContent`), "refreshing leaves the focus on the same person")
	tab.press(kb.Enter)
	tab.eventually(`document.getElementById("details").open`)
	assert.Contains(t, tab.text("#details"), who)
	tab.noViolations(axe(t), "details")
	tab.tabTo("#details dd button")
	tab.press(kb.Enter)
	tab.eventually(`/^user\d+@host\.example$/.test(document.activeElement.textContent)`)
	assert.Regexp(t, `/administrator/index\.php\?option=com_users&task=user\.edit&id=\d+$`, eval[string](tab, `document.querySelector("#details a").href`))
	tab.press(kb.Escape)
	tab.eventually(`!document.getElementById("details").open && document.activeElement.textContent === ` + quote(who))
	tab.tabTo("#exact")
	tab.press(" ")
	tab.eventually(`/20\d\d.*:\d\d:\d\d/.test(document.querySelector("#spacer time").textContent)`)
	assert.Equal(t, "true", eval[string](tab, `document.activeElement.getAttribute("aria-pressed")`))
	tab.click("#spacer time") // Times toggle, too.
	tab.eventually(`/ago|now/.test(document.querySelector("#spacer time").textContent)`)
	assert.Less(t, eval[int](tab, `document.querySelectorAll("#spacer > .row").length`), 60, "only what is on the screen is there")
	assert.Greater(t, eval[int](tab, `Number(document.getElementById("table").ariaRowCount ?? document.getElementById("table").getAttribute("aria-rowcount"))`), 200)

	tab.tabTo("#filter")
	tab.press("(", "[", "*")
	tab.eventually(`document.getElementById("none").textContent === "No session matches." && !document.getElementById("none").hidden`)
}

// atEnd is true when the table was scrolled to its end.
const atEnd = `(({scrollTop, scrollHeight, clientHeight}) => scrollTop > 0 && scrollTop + clientHeight > scrollHeight - 2)(document.getElementById("scroller"))`

// cookie opens the page as somebody who is logged in to Joomla under the same
// host, and as one who is refused.
func cookie(t *testing.T, b *browser, site *testSite, address string) {
	tab := b.open(t, 1280, 960)
	tab.load(address)
	assert.Equal(t, "unauthenticated", eval[string](tab, `document.getElementById("state").dataset.state`))
	assert.Equal(t, "Sign in to see who is logged in", tab.text("#sign-in h2"))
	assert.False(t, eval[bool](tab, `document.getElementById("notice").checkVisibility()`), "nobody is alarmed who comes for the first time")
	for _, dark := range []bool{true, false} {
		tab.dark(dark)
		tab.noViolations(axe(t), fmt.Sprint("refused, dark: ", dark))
	}
	for _, session := range site.Sessions {
		if session.Want() != http.StatusForbidden {
			continue
		}
		eval[string](tab, `document.cookie = `+quote(session.Cookie.Name+"="+session.Cookie.Value+"; path=/"))
		tab.click("#refresh")
		tab.eventually(`document.getElementById("state").dataset.state === "forbidden"`)
		assert.Equal(t, "This user is not a Super User.", tab.text("#notice"))
		// With a token, the cookie of somebody else does not count.
		tab.tabTo("#token")
		tab.press(site.token(), kb.Enter)
		tab.eventually(whole)
		eval[string](tab, `document.cookie = `+quote(session.Cookie.Name+"=; path=/; max-age=0"))
		break
	}
	tab = b.open(t, 1280, 960)
	tab.load(address)
	admin := site.cookie(t)
	eval[string](tab, `document.cookie = `+quote(admin.Name+"="+admin.Value+"; path=/"))
	tab.click("#refresh")
	tab.eventually(whole)
	assert.False(t, eval[bool](tab, `document.getElementById("sign-in").checkVisibility()`))
	tab.load(address + "?super=1")
	tab.eventually(whole)
	tab.eventually(`Array.from(document.querySelectorAll(".badge.you"), ({textContent}) => textContent).filter((text) => text === "this is you").length === 1`)
}

// paper prints the page.
func paper(t *testing.T, b *browser, site *testSite, address string) {
	tab := b.open(t, 1280, 960)
	tab.goTo(address + "#token=" + site.token())
	tab.eventually(whole)
	tell(tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"})
	tab.eventually(`dispatchEvent(new Event("beforeprint")) && document.querySelectorAll("#printed tbody tr").length > 200`)
	assert.True(t, eval[bool](tab, `document.getElementById("printed").checkVisibility()`))
	for _, id := range []string{"table", "filter", "refresh"} {
		assert.False(t, eval[bool](tab, `document.getElementById("`+id+`").checkVisibility()`), "%s is no use on paper", id)
	}
	assert.Contains(t, tab.text("#printed"), "Zoë Müller")
	pdf, err := chromedp.Call(tab.ctx, cdppage.PrintToPDF, cdppage.PrintToPDFParams{})
	require.NoError(t, err)
	assert.Greater(t, len(pdf.Data), 50_000)
	eval[bool](tab, `dispatchEvent(new Event("afterprint"))`)
	assert.Empty(t, tab.text("#printed"))
}

// unseen are the letters of these names that nobody sees.
var unseen = regexp.MustCompile("[\x00-\x1f\u2028\u202d\u202e\u2066]")

// hostile has users who chose their names to do harm.
func hostile(t *testing.T, b *browser, site *testSite, address string) {
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
		"\x07\x1b[31m\r\n\t\u2028",
		"__proto__", "constructor", "toString", "{n}", "$&",
		strings.Repeat("W", 150),
		"e" + strings.Repeat("\u0301", 140),
		strings.Repeat("\U0001F468\u200d\U0001F469\u200d", 20),
	}
	for i, value := range values {
		other := values[(i+1)%len(values)]
		site.insertSession(t, fmt.Sprintf("hostile-%d", i), 99, 2000+i, pageUser{value, other}, value)
	}
	for _, width := range []int64{1280, 400} {
		tab := b.open(t, width, 1400)
		tab.goTo(address + "#token=" + site.token())
		tab.eventually(whole)
		eval[bool](tab, `(() => { document.querySelector("#applications [data-key='99']").click(); return true })()`)
		tab.eventually(fmt.Sprintf(`document.querySelectorAll("#spacer > .row").length === %d`, len(values)))
		// What is not to be seen is named; everything else is as it was written.
		seen := make([]string, len(values))
		for i, value := range values {
			seen[i] = unseen.ReplaceAllStringFunc(value, func(letter string) string { return fmt.Sprintf("[U+%04X]", []rune(letter)[0]) })
		}
		seen[len(seen)-1] = values[len(values)-1][:strings.LastIndex(values[len(values)-1], "\u200d")] + "[U+200D]"
		assert.ElementsMatch(t, seen, tab.column(".name"))
		assert.ElementsMatch(t, seen, tab.column(".username"))
		assert.Equal(t, "Application 99", tab.column(".application .value")[0])
		assert.Equal(t, "undefined", eval[string](tab, `typeof window.hacked`))
		assert.Equal(t, 1, eval[int](tab, `document.querySelectorAll("script").length`))
		assert.Equal(t, 0, eval[int](tab, `document.querySelectorAll("img, iframe, svg, [onerror], [onload], [onfocus], [autofocus], #spacer b").length`))
		assert.True(t, eval[bool](tab, `Array.from(document.querySelectorAll("#spacer [role=gridcell]")).every((cell) => getComputedStyle(cell).direction === "ltr")`))
		assert.Equal(t, 1, eval[int](tab, `new Set(Array.from(document.querySelectorAll("#spacer > .row"), (row) => row.offsetHeight)).size`), "no row pushes the others away")
		noScrolling(t, tab, width)
		assert.Empty(t, eval[[]string](tab, `violations`))
	}
}
