package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestPageScale opens the page of many sessions, and logs how long what took.
// With CAPI_LONG set, there are 500,000, too.
func TestPageScale(t *testing.T) {
	b := startBrowser(t)
	sizes := []int{20_000}
	if os.Getenv("CAPI_LONG") != "" {
		sizes = append(sizes, 500_000)
	}
	for _, sessions := range sizes {
		t.Run(fmt.Sprint(sessions), func(t *testing.T) { scale(t, b, sessions) })
	}
}

func scale(t *testing.T, b *browser, sessions int) {
	site, php := newPageSite(t)
	live := site.insertCrowd(t, crowd{sessions: sessions, guests: 5, ended: 11})
	program := serveProcess(t, php)
	before := program.residentMB("VmRSS")

	tab := b.open(t, 1280, 960)
	tab.goTo(program.URL + pagePath + "#token=" + site.token())
	tab.within(3*time.Minute, `performance.getEntriesByName("figures").length > 0`)
	watchFrames(tab)
	tab.within(3*time.Minute, whole)
	tab.eventually(`performance.getEntriesByName("refresh").length > 0`)
	reading := worstFrame(tab)
	first := eval[float64](tab, `(([{duration}]) => duration)(performance.getEntriesByName("figures"))`)
	any := eval[float64](tab, `(([{duration}]) => duration)(performance.getEntriesByName("figures-any"))`)
	all := eval[float64](tab, `(([{startTime, duration}]) => startTime + duration)(performance.getEntriesByName("refresh"))`)
	ms := func(ms float64) time.Duration {
		return time.Duration(ms * float64(time.Millisecond)).Round(time.Millisecond)
	}
	people := eval[string](tab, `document.getElementById("sum").textContent`)
	t.Logf("%d sessions: figures begin %v after the address was opened and are counted at %v, all sessions are there at %v; longest frame meanwhile %v",
		sessions, ms(any), ms(first), ms(all), reading)
	t.Logf("%s; the service: %d MB before, %d MB at most, %v of processor time", people, before, program.residentMB("VmHWM"), program.processorTime())
	load, err := os.ReadFile("/proc/loadavg")
	require.NoError(t, err)
	t.Logf("the machine: %d processors, load %s", runtime.NumCPU(), load)
	// The recorded sessions are there, too.
	assert.GreaterOrEqual(t, digits(people), live)
	// As many as in the query of Joomla's module "Logged-in Users", which does not
	// look at who has ended.
	var module int
	require.NoError(t, site.DB.QueryRowContext(t.Context(), site.SQL(`SELECT COUNT(*) FROM "#__session" AS s
		JOIN "#__users" AS u ON s."userid" = u."id" WHERE s."guest" = 0`)).Scan(&module))
	assert.Equal(t, module, eval[int](tab, `[document.querySelector(".tile.loggedIn .detail"), document.querySelector(".tile.waiting .count"),
		document.querySelector(".tile.ended .detail")].reduce((sum, {textContent}) => sum + Number(/\d[\d,]*/.exec(textContent)[0].replaceAll(",", "")), 0)`))

	plain, zipped := feedBytes(t, program.URL, site.token(), "identity"), feedBytes(t, program.URL, site.token(), "gzip")
	t.Logf("the feed: %d KB, compressed %d KB", plain>>10, zipped>>10)
	assert.Less(t, zipped, int64(24*sessions), "what a session may cost on the way")

	watchFrames(tab)
	tab.do(focus("#filter"))
	for i, key := range strings.Split("lena.eri", "") {
		tab.press(key)
		tab.within(time.Minute, fmt.Sprintf(`performance.getEntriesByName("filter").length > %d`, i))
	}
	filters := tab.measured("filter")
	assert.Contains(t, tab.column(".username")[0], "lena.eri")
	tab.do(clear("#filter"))
	t.Logf("filter: %v a key at most, longest frame %v", slices.Max(filters), worstFrame(tab))

	for _, column := range []string{"user", "started", "last"} {
		count := len(tab.measured("filter"))
		tab.click(fmt.Sprintf(`[data-column="%s"] button`, column))
		tab.within(time.Minute, fmt.Sprintf(`performance.getEntriesByName("filter").length > %d`, count))
		t.Logf("sorting by %s: %v", column, tab.measured("filter")[count])
	}

	// The scroll bar to a hundred places, and by hand from row to row.
	watchFrames(tab)
	rows := eval[int](tab, `Number(document.getElementById("table").getAttribute("aria-rowcount")) - 1`)
	for i := range 100 {
		eval[bool](tab, fmt.Sprintf(`(() => { const s = document.getElementById("scroller"); s.scrollTop = (s.scrollHeight - s.clientHeight) * %d / 100; return true })()`, i))
		tab.eventually(onScreen)
	}
	for range 50 {
		eval[bool](tab, `(() => { document.getElementById("scroller").scrollTop += 100; return true })()`)
	}
	tab.eventually(onScreen)
	t.Logf("scrolling to 100 places: longest frame %v", worstFrame(tab))
	tab.do(focus("#scroller"))
	tab.scroll(kb.End, fmt.Sprintf(`document.querySelector("#spacer > .row[aria-rowindex='%d']") !== null`, rows+1))
	tab.eventually(atEnd)
	tab.scroll(kb.Home, `document.querySelector("#spacer > .row[aria-rowindex='2']") !== null`)
	assert.Less(t, eval[int](tab, `document.querySelectorAll("*").length`), 1500, "only what is on the screen is there")
	assert.Empty(t, eval[[]string](tab, `violations`))
}

// feedBytes returns how long a feed is.
func feedBytes(t *testing.T, address, token, encoding string) int64 {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, address+pagePath+"feed", nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Accept-Encoding", encoding)
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	n, err := io.Copy(io.Discard, response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode)
	return n
}

// onScreen is true when the middle of the table shows a row.
const onScreen = `(() => {
	const {left, top, width, height} = document.getElementById("scroller").getBoundingClientRect();
	return document.elementFromPoint(left + width / 2, top + Math.min(height, innerHeight - top) / 2)?.closest("#spacer > .row") != null;
})()`

// watchFrames begins to measure how long the tab takes from one frame to the
// next.
func watchFrames(tab *tab) {
	tab.t.Helper()
	eval[bool](tab, `(() => {
		window.watching = (window.watching ?? 0) + 1;
		window.worst = 0;
		const watched = window.watching;
		let last = performance.now();
		const frame = () => {
			const now = performance.now();
			window.worst = Math.max(window.worst, now - last);
			last = now;
			if (watched === window.watching) requestAnimationFrame(frame);
		};
		requestAnimationFrame(frame);
		return true;
	})()`)
}

// worstFrame returns the longest time since watchFrames.
func worstFrame(tab *tab) time.Duration {
	tab.t.Helper()
	return time.Duration(eval[float64](tab, `window.worst`) * float64(time.Millisecond)).Round(time.Millisecond)
}

// residentMB returns what the system says of the program's memory.
func (p *process) residentMB(name string) int {
	p.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.command.Process.Pid))
	require.NoError(p.t, err)
	_, rest, _ := strings.Cut(string(text), name+":")
	kb, err := strconv.Atoi(strings.Fields(rest)[0])
	require.NoError(p.t, err)
	return kb / 1024
}

// processorTime returns what the program has used of processors.
func (p *process) processorTime() time.Duration {
	p.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.command.Process.Pid))
	require.NoError(p.t, err)
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	var ticks int
	for _, field := range fields[11:13] { // utime and stime, in hundredths of a second
		n, err := strconv.Atoi(field)
		require.NoError(p.t, err)
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// digits returns the first number in a text.
func digits(text string) int {
	number := 0
	for _, c := range text {
		if c == ' ' {
			break
		}
		if '0' <= c && c <= '9' {
			number = number*10 + int(c-'0')
		}
	}
	return number
}
