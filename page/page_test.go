package page_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/page"
)

func TestNewHandler(t *testing.T) {
	good := page.Site{Store: capi.Sessions{}, Auth: answering(nil)}
	_, err := page.NewHandler()
	assert.ErrorContains(t, err, "no sites")
	_, err = page.Options{Key: []byte("short"), StallTimeout: -1}.NewHandler(good, good)
	for _, problem := range []string{`two sites of the name ""`, "negative StallTimeout", "shorter than 16 bytes"} {
		assert.ErrorContains(t, err, problem)
	}
	for want, site := range map[string]page.Site{
		"capi: nil Authorizer":   {Store: capi.Sessions{}, Auth: capi.AuthorizerFunc(nil)},
		"capi: nil Store":        {Store: (*capi.SQLStore)(nil), Auth: answering(nil)},
		"capi: nil or zero Site": {Store: capi.Sessions{}, Auth: answering(nil), Joomla: new(capi.Site)},
	} {
		assert.PanicsWithValue(t, want, func() { _, _ = page.NewHandler(site) })
	}
	assert.PanicsWithValue(t, "capi: nil Store", func() {
		_, _ = page.NewHandler(page.Site{Store: capi.Sessions{}, Summary: (*capi.SQLStore)(nil), Auth: answering(nil)})
	})
}

func TestHandlerFiles(t *testing.T) {
	handler := newHandler(t, page.Site{Store: capi.Sessions{}, Auth: answering(capi.ErrUnauthenticated)})
	w := get(handler, "/any/path/")
	require.Equal(t, http.StatusOK, w.Code)
	assert.Equal(t, "text/html; charset=utf-8", w.Header().Get("Content-Type"))
	index := w.Body.String()
	files := []string{"page.css", "page.js", "icon.svg"}
	for _, name := range files {
		assert.Contains(t, index, `"`+name+`"`)
	}
	entries, err := os.ReadDir("static")
	require.NoError(t, err)
	for _, entry := range entries {
		w := get(handler, "/"+entry.Name())
		assert.Equal(t, http.StatusOK, w.Code)
		assert.NotEmpty(t, w.Header().Get("Content-Type"), entry.Name())
		policy := w.Header().Get("Content-Security-Policy")
		assert.Contains(t, policy, "default-src 'none'")
		assert.NotContains(t, policy, "unsafe")
		again := get(handler, "/"+entry.Name(), "If-None-Match", w.Header().Get("ETag"))
		assert.Equal(t, http.StatusNotModified, again.Code)
	}
	assert.Equal(t, http.StatusNotFound, get(handler, "/page.go").Code)
	assert.Equal(t, http.StatusNotFound, get(handler, "/static").Code)

	post := httptest.NewRecorder()
	handler.ServeHTTP(post, httptest.NewRequest(http.MethodPost, "/feed", nil))
	assert.Equal(t, http.StatusMethodNotAllowed, post.Code)
	assert.Equal(t, "GET, HEAD", post.Header().Get("Allow"))
}

func TestHandlerHead(t *testing.T) {
	handler := newHandler(t, page.Site{Store: unread(t), Auth: answering(nil)})
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodHead, "/feed", nil))
	assert.Equal(t, http.StatusOK, w.Code)
	assert.Empty(t, w.Body.String())
}

// TestHandlerSites asks for sites with different guards.
func TestHandlerSites(t *testing.T) {
	one := page.Site{Name: "one", Store: capi.Sessions{}, Auth: answering(nil), Administrator: "/administrator/"}
	two := page.Site{Name: "two", Store: capi.Sessions{}, Auth: answering(capi.ErrForbidden)}
	three := page.Site{Name: "three", Store: capi.Sessions{}, Auth: answering(context.DeadlineExceeded)}
	w := get(newHandler(t, two, one, three), "/sites")
	assert.JSONEq(t, `{"msg":[{"name":"one","administrator":"/administrator/"}],"error":false,"status":200}`, w.Body.String())
	handler := newHandler(t, two, one)
	assert.Equal(t, http.StatusOK, get(handler, "/feed?site=one").Code)
	assert.Equal(t, http.StatusForbidden, get(handler, "/feed?site=two").Code)
	assert.Equal(t, http.StatusNotFound, get(handler, "/feed?site=four").Code)
	assert.Equal(t, http.StatusNotFound, get(handler, "/feed").Code)
	assert.Equal(t, http.StatusInternalServerError, get(newHandler(t, two, three), "/sites").Code)
	assert.Equal(t, http.StatusOK, get(newHandler(t, one), "/feed").Code, "the only site needs no name")
}

// A panic of an Authorizer ends the request, as usual in net/http, and not the
// program.
func TestHandlerSitesPanic(t *testing.T) {
	broken := page.Site{Name: "broken", Store: capi.Sessions{}, Auth: capi.AuthorizerFunc(func(*http.Request) error { panic("broken") })}
	one := page.Site{Name: "one", Store: capi.Sessions{}, Auth: answering(nil)}
	handler := newHandler(t, one, broken)
	assert.PanicsWithValue(t, "broken", func() { get(handler, "/sites") })
}

// TestTexts compares the names of texts with the names that the page uses.
func TestTexts(t *testing.T) {
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join("static", name))
		require.NoError(t, err)
		return string(text)
	}
	var there []string
	for _, match := range regexp.MustCompile(`(?m)^    (?:"([^"]+)"|(\w+)):`).FindAllStringSubmatch(read("texts.js"), -1) {
		there = append(there, match[1]+match[2])
	}
	require.Greater(t, len(there), 50)
	var used []string
	for _, match := range regexp.MustCompile(`data-text="(\w+)"`).FindAllStringSubmatch(read("index.html"), -1) {
		used = append(used, match[1])
	}
	var scripts strings.Builder
	paths, err := filepath.Glob("static/*.js")
	require.NoError(t, err)
	for _, path := range paths {
		scripts.WriteString(read(filepath.Base(path)))
	}
	for _, match := range regexp.MustCompile(`(?:text\(|Failure\("\w+", (?:\w+ \? )?)"(\w+)"`).FindAllStringSubmatch(scripts.String(), -1) {
		used = append(used, match[1])
	}
	require.Greater(t, len(used), 50)
	for _, name := range used {
		if !strings.HasSuffix(name, "_") && name != "application" {
			assert.Contains(t, there, name)
		}
	}
	for _, name := range there {
		if strings.HasPrefix(name, "reason_") || strings.HasPrefix(name, "application") || strings.HasPrefix(name, "duration_") {
			continue
		}
		assert.True(t, slices.Contains(used, name) || strings.Contains(scripts.String(), `"`+name+`"`), "nothing uses the text %s", name)
	}
}
