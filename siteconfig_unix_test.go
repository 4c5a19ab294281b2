//go:build unix

package capi_test

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

// TestLoadSiteConfigPipe reads a pipe that nobody writes to.
func TestLoadSiteConfigPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "configuration.php")
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	_, err := capi.LoadSiteConfig(path)
	require.EqualError(t, err, "capi: opening a site configuration: "+path+" is not a regular file")
}
