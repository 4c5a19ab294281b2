package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestPageSites opens the page of three sites, of which one refuses the user.
func TestPageSites(t *testing.T) {
	one, two := newSiteOf(t, "mysqli"), newSiteOf(t, "sqlite")
	three := newSiteOf(t, "sqlite")
	three.Exec(t, `UPDATE "#__users" SET "block" = 1`)
	program := startProcess(t, exec.Command("capi", "serve", "--addr", "127.0.0.1:0", "--config", "one="+writePHP(t, one.php(nil)),
		"--config", "www.two.example="+writePHP(t, two.php(nil)), "--config", "three="+writePHP(t, three.php(nil))))
	b := startBrowser(t)
	tab := b.open(t, 1280, 900)
	tab.goTo(program.URL + pagePath + "#token=" + one.token())
	tab.eventually(whole)
	rows := len(one.Tables["session"])
	numbersAddUp(t, tab, 2*rows)
	assert.Equal(t, []string{"All sites", "one", "three", "www.two.example"}, eval[[]string](tab, `Array.from(document.getElementById("site").options, ({text}) => text)`))
	assert.Equal(t, "2 of 3 sites", tab.text(".tile.loggedIn .of"))
	assert.Contains(t, tab.text("#sites .missing"), "The server does not accept this token. Since ")
	tab.eventually(`document.querySelector("#spacer > .row") !== null`)
	tab.noViolations(axe(t), "all sites")

	eval[bool](tab, `(() => { Array.from(document.querySelectorAll("#sites button.choice")).at(-1).click(); return true })()`)
	tab.eventually(`document.getElementById("site").value === "www.two.example" && document.querySelector("#spacer > .row") !== null && ` + whole)
	numbersAddUp(t, tab, rows)
	assert.Equal(t, "http://www.two.example/administrator/", eval[string](tab, `document.getElementById("administrator").href`))
	assert.Empty(t, eval[[]string](tab, `violations`))
}

// TestPageOtherOrigins has pages of other origins ask for the feed, with the
// cookie of a visitor who is logged in.
func TestPageOtherOrigins(t *testing.T) {
	site, php := newPageSite(t)
	program := serveProcess(t, php)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<!doctype html><title>Somebody's page</title>")
	}))
	defer other.Close()
	b := startBrowser(t)
	admin := site.cookie(t)
	// Another port is another origin, but the same site, to which browsers send
	// cookies; another host is neither.
	for _, origin := range []string{other.URL, strings.Replace(other.URL, "127.0.0.1", "localhost", 1)} {
		tab := b.open(t, 400, 400)
		tab.load(program.URL + pagePath)
		eval[string](tab, `document.cookie = `+quote(admin.Name+"="+admin.Value+"; path=/"))
		const read = `fetch(%s, {credentials: "include", mode: %q}).then(async (response) => response.type + " " + (await response.text()).length,
			(error) => error instanceof TypeError ? "blocked" : String(error))`
		feed := quote(program.URL + pagePath + "feed")
		assert.Regexp(t, `^basic \d{4,}$`, eval[string](tab, fmt.Sprintf(read, feed, "cors")), "its own page can read it")
		tab.goTo(origin)
		for _, path := range []string{"feed", "sites"} {
			address := quote(program.URL + pagePath + path)
			assert.Equal(t, "blocked", eval[string](tab, fmt.Sprintf(read, address, "cors")))
			assert.Equal(t, "blocked", eval[string](tab, fmt.Sprintf(read, address, "no-cors")), "not even as something opaque")
		}
		assert.Equal(t, "refused", eval[string](tab, `new Promise((resolve) => {
			const script = document.createElement("script");
			script.onerror = () => resolve("refused");
			script.onload = () => resolve("loaded");
			script.src = `+feed+`;
			document.head.append(script);
		})`))
		tab.expectComplaints("blocked by CORS policy")
	}
}
