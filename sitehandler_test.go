package capi_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/internal/joomlatest"
)

// prefixHandler is an open function whose site answers with its prefix.
func prefixHandler(config capi.SiteConfig) (http.Handler, func() error, error) {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, config.DBPrefix) }), nil, nil
}

// prefixPHP is a configuration.php with a prefix.
func prefixPHP(prefix string) string { return configurationPHP("public $dbprefix = '" + prefix + "';") }

// bodyOf returns the body of a handler's answer.
func bodyOf(ctx context.Context, handler http.Handler) string {
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil).WithContext(ctx))
	return w.Body.String()
}

// TestSiteHandlerFile changes a file in every possible way.
func TestSiteHandlerFile(t *testing.T) {
	const broken = `{"msg":"Service unavailable.","error":true,"status":503}`
	written := time.Now().Add(-time.Hour)
	write := func(path, text string) error {
		// All have the same size and time.
		return errors.Join(os.WriteFile(path, []byte(text), 0o600), os.Chtimes(path, written, written))
	}
	for name, change := range map[string]func(path, text string) error{
		"written": write,
		"renamed": func(path, text string) error {
			return errors.Join(write(path+".new", text), os.Rename(path+".new", path))
		},
		"linked": func(path, text string) error {
			other := path + strings.Trim(text[len(text)-8:], "\n}")
			return errors.Join(write(other, text), os.Symlink(other, path+".link"), os.Rename(path+".link", path))
		},
		"removed": func(path, text string) error { return errors.Join(os.RemoveAll(path), write(path, text)) },
	} {
		t.Run(name, func(t *testing.T) {
			if name == "linked" {
				if err := os.Symlink("x", filepath.Join(t.TempDir(), "link")); err != nil {
					t.Skip("NOT TESTED: no links here")
				}
			}
			path := filepath.Join(t.TempDir(), "configuration.php")
			load := func() (capi.SiteConfig, error) { return capi.LoadSiteConfig(path) }
			site := capi.SiteHandlerOptions{Logger: slog.New(slog.DiscardHandler)}.NewSiteHandler(load, prefixHandler)
			defer func() { require.NoError(t, site.Shutdown(t.Context())) }()
			for _, prefix := range []string{"aa_", "bb_", "aa_", "cc_"} {
				require.NoError(t, change(path, prefixPHP(prefix)))
				require.NoError(t, site.Check(t.Context()))
				assert.Equal(t, prefix, bodyOf(t.Context(), site))
			}
			require.NoError(t, os.Remove(path))
			require.ErrorIs(t, site.Check(t.Context()), os.ErrNotExist)
			assert.JSONEq(t, broken, bodyOf(t.Context(), site))
			require.NoError(t, write(path, prefixPHP("dd_")[:40]))
			require.ErrorIs(t, site.Check(t.Context()), capi.ErrSiteConfig)
			assert.JSONEq(t, broken, bodyOf(t.Context(), site))
			require.NoError(t, write(path, prefixPHP("dd_")))
			require.NoError(t, site.Check(t.Context()))
			assert.Equal(t, "dd_", bodyOf(t.Context(), site))
		})
	}
}

// TestLoadSiteConfigHalfWritten reads every prefix of a file: a half-written
// file must not look like a complete one with fewer settings.
func TestLoadSiteConfigHalfWritten(t *testing.T) {
	text := joomlatest.ConfigurationPHP(map[string]any{
		"dbtype": "mysqli", "dbprefix": "j5_", "root_user": "admin", "secret": "it's \\ }", "lifetime": 15, "shared_session": false,
	})
	whole, err := capi.ReadSiteConfig(strings.NewReader(text))
	require.NoError(t, err)
	for n := range len(text) - 1 { // The last byte is a newline.
		got, err := capi.ReadSiteConfig(strings.NewReader(text[:n]))
		if err == nil {
			require.Equal(t, whole, got, "%q", text[:n])
		}
	}
}

func TestNewSiteHandlerPanics(t *testing.T) {
	assert.Panics(t, func() { capi.NewSiteHandler(nil, prefixHandler) })
	assert.Panics(t, func() {
		capi.NewSiteHandler(func() (capi.SiteConfig, error) { return capi.SiteConfig{}, nil }, nil)
	})
}
