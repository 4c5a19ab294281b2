package capi_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The Go code of the README compiles: each paragraph of it is in a Go file of the
// repository, but for white space and comments at the end of a line.
func TestReadme(t *testing.T) {
	squeeze := func(code string) string {
		var lines strings.Builder
		for line := range strings.Lines(code) {
			line, _, _ = strings.Cut(line, " // ")
			lines.WriteString("\n" + strings.Join(strings.Fields(line), " "))
		}
		return lines.String() + "\n"
	}
	var sources []string
	err := filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".go" {
			sources = append(sources, squeeze(string(readFile(t, path))))
		}
		return err
	})
	require.NoError(t, err)
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?ms)^```go\n(.*?)^```$").FindAllStringSubmatch(string(readme), -1)
	require.NotEmpty(t, blocks)
	for _, block := range blocks {
		for paragraph := range strings.SplitSeq(strings.TrimSpace(block[1]), "\n\n") {
			found := false
			for _, source := range sources {
				found = found || strings.Contains(source, squeeze(paragraph))
			}
			assert.True(t, found, "not in any Go file:\n%s", paragraph)
		}
	}
}
