package capi_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Who may import what, as ARCHITECTURE.md has it.
func TestImports(t *testing.T) {
	const module = "github.com/capi-go/capi"
	// may is what a package of internal/ may import of this module. One that is
	// not named may import nothing of it.
	may := map[string][]string{"internal/joomla": {"internal/phpserial", "internal/phpjson"}}
	mayPage := []string{"internal/joomla", "internal/phpjson", "internal/stream"}
	forTests := []string{"internal/growth", "internal/joomlatest", "internal/phptest", "internal/tlstest"}
	programs := []string{"examples", "integration", "cmd"}
	seen := 0
	err := filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		require.NoError(t, err)
		dir, isTest := filepath.ToSlash(filepath.Dir(path)), strings.HasSuffix(path, "_test.go")
		internal := strings.HasPrefix(dir, "internal/")
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			require.NoError(t, err)
			room, own := strings.CutPrefix(imported+"/", module+"/")
			room = strings.TrimSuffix(room, "/")
			top, _, _ := strings.Cut(room, "/")
			switch {
			case own && internal && room == "":
				t.Errorf("%s imports the root", path)
			case isTest:
			case own && slices.Contains(forTests, room):
				t.Errorf("%s imports %s, which is for tests", path, imported)
			case own && internal && !slices.Contains(may[dir], room):
				t.Errorf("%s imports %s, which is not its to use", path, imported)
			case own && dir == "page" && strings.HasPrefix(room, "internal/") && !slices.Contains(mayPage, room):
				t.Errorf("%s imports %s, which is not its to use", path, imported)
			case own && (dir == "." || dir == "page") && slices.Contains(programs, top):
				t.Errorf("%s imports %s, which is for programs", path, imported)
			case own && (dir == "." || internal) && top == "page":
				t.Errorf("%s imports the page", path)
			case !own && strings.Contains(top, ".") && (dir == "." || dir == "page" || internal && dir != "internal/phptest"):
				t.Errorf("%s imports %s: the library needs the standard library alone", path, imported)
			}
			seen++
		}
		return nil
	})
	require.NoError(t, err)
	assert.Positive(t, seen)
}
