package capi_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// All Go code of the README is compiled: except for indentation, it is the code
// in these files between the lines "// README: NAME" and "// README: end".
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	snippets := []string{"examples/mount/site.go", "examples/service/service.go"}
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

// Links in the documents lead to files and headings that exist.
func TestDocumentLinks(t *testing.T) {
	documents, err := filepath.Glob("*.md")
	require.NoError(t, err)
	more, err := filepath.Glob("doc/*.md")
	require.NoError(t, err)
	link := regexp.MustCompile(`\]\(([^):]*)\)|src="([^":]*)"`)
	heading := regexp.MustCompile(`(?m)^#+ (.*)$`)
	beyondNames := regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	for _, document := range append(documents, more...) {
		text, err := os.ReadFile(document)
		require.NoError(t, err)
		for _, match := range link.FindAllStringSubmatch(string(text), -1) {
			path, chapter, ok := strings.Cut(match[1]+match[2], "#")
			target := document
			if path != "" {
				target = filepath.Join(filepath.Dir(document), path)
			}
			if _, err := os.Stat(target); !assert.NoError(t, err, document) || !ok {
				continue
			}
			text, err := os.ReadFile(target)
			require.NoError(t, err)
			var chapters []string
			for _, name := range heading.FindAllStringSubmatch(string(text), -1) {
				name := beyondNames.ReplaceAllString(strings.ToLower(name[1]), "")
				chapters = append(chapters, strings.ReplaceAll(name, " ", "-"))
			}
			assert.Contains(t, chapters, chapter, "%s in %s", match[0], document)
		}
	}
}
