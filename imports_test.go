package capi_test

import (
	"cmp"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The rules of ARCHITECTURE.md about imports.
func TestImports(t *testing.T) {
	const module = "github.com/capi-go/capi/"
	// may lists the packages of this repository that each package of the
	// library may import. "." is the root, which may import all of internal/. A
	// package that is not listed may import none.
	may := map[string][]string{
		"internal/joomla": {"internal/phpserial", "internal/phpjson"},
		"page":            {".", "internal/joomla", "internal/phpjson", "internal/stream"},
		"capitest":        {"."},
		"storetest":       {"."},
	}
	mayNot := func(dir, room string) bool {
		if dir == "." {
			return !strings.HasPrefix(room, "internal/")
		}
		return !slices.Contains(may[dir], room)
	}
	forTests := []string{"internal/growth", "internal/joomlatest", "internal/phptest", "internal/tlstest", "capitest", "storetest"}
	programs := []string{"examples", "integration", "cmd"}
	required := []string{"github.com/DATA-DOG/go-sqlmock", "github.com/stretchr/testify"}
	seen := 0
	err := filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		require.NoError(t, err)
		dir, isTest := filepath.ToSlash(filepath.Dir(path)), strings.HasSuffix(path, "_test.go")
		inside, _, _ := strings.Cut(dir, "/")
		library := slices.Contains([]string{".", "internal", "page", "capitest", "storetest"}, inside)
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			require.NoError(t, err)
			room, own := strings.CutPrefix(imported+"/", module)
			room = cmp.Or(strings.TrimSuffix(room, "/"), ".")
			top, _, _ := strings.Cut(room, "/")
			foreign := !own && strings.Contains(top, ".")
			switch {
			case own && inside == "internal" && room == ".":
				t.Errorf("%s imports the root", path)
			case own && slices.Contains(programs, top) && top != inside:
				t.Errorf("%s imports %s, which is for programs", path, imported)
			case library && foreign && !slices.ContainsFunc(required, func(of string) bool { return strings.HasPrefix(imported+"/", of+"/") }):
				t.Errorf("%s imports %s, which the library does not require", path, imported)
			case own && !library && top == "internal" && !slices.Contains(forTests, room):
				t.Errorf("%s imports %s, which is the library's own", path, imported)
			case isTest:
			case own && slices.Contains(forTests, room):
				t.Errorf("%s imports %s, which is for tests", path, imported)
			case own && library && mayNot(dir, room):
				t.Errorf("%s imports %s, which ARCHITECTURE.md does not allow", path, imported)
			case library && foreign && dir != "internal/phptest":
				t.Errorf("%s imports %s: the library may import only the standard library", path, imported)
			}
			seen++
		}
		return nil
	})
	require.NoError(t, err)
	assert.Positive(t, seen)
}

// ARCHITECTURE.md names each file of the root and each package, and no file
// that does not exist.
func TestArchitecture(t *testing.T) {
	text, err := os.ReadFile("ARCHITECTURE.md")
	require.NoError(t, err)
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	rooms, err := filepath.Glob("internal/*")
	require.NoError(t, err)
	for _, path := range append(files, rooms...) {
		if !strings.HasSuffix(path, "_test.go") {
			assert.Contains(t, string(text), "`"+filepath.ToSlash(path)+"`")
		}
	}
	for _, name := range regexp.MustCompile("`([a-z_/]+\\.(?:go|js|yaml|php))`").FindAllStringSubmatch(string(text), -1) {
		found := name[1] == "configuration.php" // A site's.
		for _, dir := range []string{"", "capitest/", "page/", "page/static/", "page/static/languages/"} {
			_, err := os.Stat(dir + name[1])
			found = found || err == nil
		}
		assert.True(t, found, name[1])
	}
}
