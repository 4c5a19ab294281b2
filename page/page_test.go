package page_test

import (
	"compress/gzip"
	"context"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
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
	names := map[string]bool{}
	err := filepath.WalkDir("static", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		assert.False(t, names[entry.Name()], "two files of the name %s", entry.Name())
		names[entry.Name()] = true
		content, err := os.ReadFile(path)
		plain := get(handler, "/"+entry.Name())
		assert.Equal(t, string(content), plain.Body.String())
		zipped := get(handler, "/any/path/"+entry.Name(), "Accept-Encoding", "gzip, deflate, br, zstd")
		reader, failed := gzip.NewReader(zipped.Body)
		require.NoError(t, failed)
		unzipped, failed := io.ReadAll(reader)
		require.NoError(t, failed)
		assert.Equal(t, string(content), string(unzipped))
		assert.NotEqual(t, plain.Header().Get("ETag"), zipped.Header().Get("ETag"))
		for _, w := range []*httptest.ResponseRecorder{plain, zipped} {
			assert.Equal(t, http.StatusOK, w.Code)
			assert.NotEmpty(t, w.Header().Get("Content-Type"), entry.Name())
			assert.Equal(t, "Accept-Encoding", w.Header().Get("Vary"))
			policy := w.Header().Get("Content-Security-Policy")
			assert.Contains(t, policy, "default-src 'none'")
			assert.NotContains(t, policy, "unsafe")
			again := get(handler, "/"+entry.Name(), "If-None-Match", w.Header().Get("ETag"), "Accept-Encoding", w.Header().Get("Content-Encoding"))
			assert.Equal(t, http.StatusNotModified, again.Code)
		}
		return err
	})
	require.NoError(t, err)
	assert.Greater(t, len(names), 20)
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
	one := page.Site{Name: "one", Store: capi.Sessions{}, Auth: answering(nil), Administrator: "/administrator/", Page: "//one/capi/"}
	two := page.Site{Name: "two", Store: capi.Sessions{}, Auth: answering(capi.ErrForbidden)}
	three := page.Site{Name: "three", Store: capi.Sessions{}, Auth: answering(context.DeadlineExceeded)}
	w := get(newHandler(t, two, one, three), "/sites")
	assert.JSONEq(t, `{"msg":[{"name":"two","administrator":"","page":""},{"name":"one","administrator":"/administrator/","page":"//one/capi/"},
		{"name":"three","administrator":"","page":""}],"error":false,"status":200}`, w.Body.String(), "who sees one is told of all")
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
	// A site that admits the request could spare the other the question.
	one := page.Site{Name: "one", Store: capi.Sessions{}, Auth: answering(capi.ErrForbidden)}
	handler := newHandler(t, one, broken)
	assert.PanicsWithValue(t, "broken", func() { get(handler, "/sites") })
}

// TestHandlerSitesHanging does not wait for a site that hangs, if another one
// admits the request.
func TestHandlerSitesHanging(t *testing.T) {
	hanging := page.Site{Name: "hanging", Store: unread(t), Auth: capi.AuthorizerFunc(func(r *http.Request) error {
		<-r.Context().Done()
		return r.Context().Err()
	})}
	one := page.Site{Name: "one", Store: unread(t), Auth: answering(nil)}
	assert.Equal(t, http.StatusOK, get(newHandler(t, hanging, one), "/sites").Code)
}

func TestHandlerEncodings(t *testing.T) {
	handler := newHandler(t, page.Site{Store: unread(t), Auth: answering(nil)})
	for accepted, want := range map[string]string{
		"": "", "gzip": "gzip", "GZIP;q=0.5": "gzip", "br, gzip": "gzip", "*": "gzip", "identity": "", "gzip;q=0": "", "gzip;q=0.0, *": "",
		"*;q=0": "", "*;q=0, gzip": "gzip", "gzip;q=x": "", "xgzip": "", "br;q=1, *;q=0.1": "gzip",
	} {
		assert.Equal(t, want, get(handler, "/", "Accept-Encoding", accepted).Header().Get("Content-Encoding"), accepted)
	}
}
