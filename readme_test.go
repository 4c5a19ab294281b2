package capi_test

import (
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The Go code of the README is code that is compiled and run: a block that follows the line <!-- snippet: NAME --> is, but
// for its indentation, what stands between the lines "// README: NAME" and "// README: end" of some Go file of the
// repository. Other blocks must parse, be formatted, and name only what the package has.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	blocks := goBlocks(string(readme))
	assert.NotEmpty(t, blocks)
	for _, problem := range readmeProblems(blocks, snippets(t), exported(t)) {
		t.Error(problem)
	}
}

// What the test is for, so that it finds it.
func TestReadmeProblems(t *testing.T) {
	has := map[string]bool{"Envelope": true}
	snippets := map[string]string{"sum": "a := 1\nif a > 0 {\n\ta++\n}"}
	shows := func(code string) string { return "<!-- snippet: sum -->\n```go\n" + code + "\n```\n" }
	for _, test := range []struct{ name, readme, problem string }{
		{"the same", shows(snippets["sum"]), ""},
		{"a blank line between", strings.Replace(shows(snippets["sum"]), "-->", "-->\n", 1), ""},
		{"another", shows("a := 2"), "README.md:2: is not snippet sum"},
		{"unknown", "<!-- snippet: product -->\n```go\na := 1\n```\n" + shows(snippets["sum"]), "README.md:2: no snippet product"},
		{"not shown", "```go\na := 1\n```\n", "snippet sum is not shown"},
		{"no block", "<!-- snippet: sum -->\ntext\n```go\na := 1\n```\n", "snippet sum is not shown"},
		{"other languages", shows(snippets["sum"]) + "```json\n{]\n```\n", ""},
		{"statements", shows(snippets["sum"]) + "```go\nb := capi.Envelope[int]{}\n```\n", ""},
		{"declarations", shows(snippets["sum"]) + "```go\ntype b struct{}\n```\n", ""},
		{"a file", shows(snippets["sum"]) + "```go\npackage b\n\nvar c = 1\n```\n", ""},
		{"not Go", shows(snippets["sum"]) + "```go\nb := := 1\n```\n", "README.md:8: is not Go"},
		{"not formatted", shows(snippets["sum"]) + "```go\nb :=  1\n```\n", "README.md:8: is not formatted"},
		{"not exported", shows(snippets["sum"]) + "```go\nb := capi.Envelop{}\n```\n", "README.md:8: capi.Envelop does not exist"},
		{"not closed", shows(snippets["sum"]) + "```go\nb := := 1\n", "README.md:8: is not Go"},
	} {
		t.Run(test.name, func(t *testing.T) {
			problems := readmeProblems(goBlocks(test.readme), snippets, has)
			if test.problem == "" {
				assert.Empty(t, problems)
				return
			}
			require.Len(t, problems, 1)
			assert.Contains(t, problems[0], test.problem)
		})
	}
}

// A goBlock is a block of Go code in a Markdown text.
type goBlock struct {
	line    int
	snippet string // the name that it goes by, if any
	code    string
}

func goBlocks(markdown string) []goBlock {
	var blocks []goBlock
	var block *goBlock // that is open
	named := ""        // what a comment called the next block
	other := false     // whether a block of another language is open
	for i, line := range strings.Split(markdown, "\n") {
		name, comment := strings.CutPrefix(line, "<!-- snippet: ")
		switch {
		case block != nil && line == "```":
			block = nil
		case block != nil:
			block.code += line + "\n"
		case strings.HasPrefix(line, "```"):
			if line == "```go" && !other {
				blocks = append(blocks, goBlock{line: i + 1, snippet: named})
				block = &blocks[len(blocks)-1]
			} else {
				other = !other
			}
			named = ""
		case comment:
			named = strings.TrimSpace(strings.TrimSuffix(name, "-->"))
		case strings.TrimSpace(line) != "":
			named = ""
		}
	}
	return blocks
}

// readmeProblems returns what is wrong with the blocks of a README, given the snippets by their names, and the names that
// package capi exports.
func readmeProblems(blocks []goBlock, snippets map[string]string, exported map[string]bool) []string {
	var problems []string
	shown := map[string]bool{}
	for _, block := range blocks {
		problem := func(format string, args ...any) {
			problems = append(problems, fmt.Sprintf("README.md:%d: ", block.line)+fmt.Sprintf(format, args...))
		}
		code := strings.TrimSpace(block.code)
		if block.snippet != "" {
			want, known := snippets[block.snippet]
			shown[block.snippet] = true
			if !known {
				problem("no snippet %s in any Go file", block.snippet)
			} else if code != want {
				problem("is not snippet %s, which is\n%s", block.snippet, want)
			}
			continue
		}
		if formatted, err := format.Source([]byte(code)); err != nil {
			problem("is not Go: %v", err)
			continue
		} else if strings.TrimSpace(string(formatted)) != code {
			problem("is not formatted as\n%s", formatted)
		}
		for _, name := range selected(code) {
			if !exported[name] {
				problem("capi.%s does not exist", name)
			}
		}
	}
	for name := range snippets {
		if !shown[name] {
			problems = append(problems, "snippet "+name+" is not shown")
		}
	}
	return problems
}

// selected returns what code takes from package capi.
func selected(code string) []string {
	var file *ast.File
	for _, frame := range []string{"%s", "package p\n%s", "package p\nfunc _() {\n%s\n}"} {
		var err error
		if file, err = parser.ParseFile(token.NewFileSet(), "", fmt.Sprintf(frame, code), 0); err == nil {
			break
		}
	}
	var names []string
	ast.Inspect(file, func(node ast.Node) bool {
		if selector, ok := node.(*ast.SelectorExpr); ok {
			if of, ok := selector.X.(*ast.Ident); ok && of.Name == "capi" {
				names = append(names, selector.Sel.Name)
			}
		}
		return true
	})
	return names
}

// exported returns the names that package capi declares, those of methods aside.
func exported(t *testing.T) map[string]bool {
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	names := map[string]bool{}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, declaration := range file.Decls {
			switch declaration := declaration.(type) {
			case *ast.FuncDecl:
				if declaration.Recv == nil {
					names[declaration.Name.Name] = true
				}
			case *ast.GenDecl:
				for _, spec := range declaration.Specs {
					switch spec := spec.(type) {
					case *ast.TypeSpec:
						names[spec.Name.Name] = true
					case *ast.ValueSpec:
						for _, name := range spec.Names {
							names[name.Name] = true
						}
					}
				}
			}
		}
	}
	return names
}

// snippets returns the snippets in all Go files of the repository by their names, without their indentation.
func snippets(t *testing.T) map[string]string {
	found := map[string]string{}
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, indent := "", ""
		for _, line := range strings.Split(string(text), "\n") {
			begin, _, ok := strings.Cut(line, "// README: ")
			switch {
			case ok && strings.TrimSpace(begin) == "" && strings.TrimSpace(line) == "// README: end":
				found[name] = strings.TrimSpace(found[name])
				name = ""
			case ok && strings.TrimSpace(begin) == "":
				require.Empty(t, name, "%s: a snippet within a snippet", path)
				name, indent = strings.TrimPrefix(strings.TrimSpace(line), "// README: "), begin
				require.NotContains(t, found, name, "%s: a second snippet of that name", path)
				found[name] = ""
			case name != "":
				found[name] += strings.TrimPrefix(line, indent) + "\n"
			}
		}
		require.Empty(t, name, "%s: a snippet without an end", path)
		return nil
	})
	require.NoError(t, err)
	return found
}
