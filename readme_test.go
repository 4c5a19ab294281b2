package capi_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// All Go code of the README is compiled: apart from its indentation, it is what
// these files have between the lines "// README: NAME" and "// README: end".
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	snippets := []string{"examples/mount/site.go", "client_example_test.go"}
	for _, path := range snippets {
		source, err := os.ReadFile(path)
		require.NoError(t, err)
		begin, rest, ok := strings.Cut(string(source), "// README: ")
		require.True(t, ok, path)
		indent := begin[strings.LastIndexByte(begin, '\n'):]
		_, rest, _ = strings.Cut(rest, "\n")
		code, _, ok := strings.Cut(rest, "// README: end")
		require.True(t, ok, path)
		code = strings.TrimSpace(strings.ReplaceAll("\n"+code, indent, "\n"))
		assert.Contains(t, string(readme), "```go\n"+code+"\n```\n", path)
	}
	assert.Equal(t, len(snippets), strings.Count(string(readme), "```go\n"), "other Go code in the README")
}
