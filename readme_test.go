package capi_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

// withoutSecrets is code of the README, which shows what is marked here.
func withoutSecrets(key []byte) (capi.Config, error) {
	// README: redact
	pseudonyms, err := capi.PseudonymizeIDs(key) // at least 16 random bytes, kept to compare lists over time
	config := capi.Config{Redact: []capi.Redaction{capi.MaskSecrets(), pseudonyms}}
	// README: end
	return config, err
}

// All Go code of the README is compiled: it is, but for its indentation, what
// these files have between the lines "// README: NAME" and "// README: end".
func TestReadme(t *testing.T) {
	config, err := withoutSecrets(make([]byte, 16))
	require.NoError(t, err)
	assert.Len(t, config.Redact, 2)

	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	snippets := []string{"examples/mount/site.go", "site_example_test.go", "mock_test.go", "client_example_test.go", "readme_test.go", "page/example_test.go"}
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
