package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// axeVersion is the version of axe-core that looks at the page.
const axeVersion = "4.14.1"

// axe returns the script of axe-core, which npm gets from its registry. Without
// npm, the test is skipped or, with CI set, fails.
func axe(t *testing.T) string {
	t.Helper()
	script, err := packAxe()
	if err != nil {
		if os.Getenv("CI") != "" {
			require.NoError(t, err)
		}
		t.Skipf("NOT TESTED: no axe-core from npm: %v", err)
	}
	return script
}

var packAxe = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "capi-axe-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	command := exec.Command("npm", "pack", "--silent", "--pack-destination", dir, "axe-core@"+axeVersion)
	command.Dir = dir
	if output, err := command.CombinedOutput(); err != nil {
		return "", &packError{err, string(output)}
	}
	text, err := os.ReadFile(filepath.Join(dir, "axe-core-"+axeVersion+".tgz"))
	if err != nil {
		return "", err
	}
	zipped, err := gzip.NewReader(bytes.NewReader(text))
	if err != nil {
		return "", err
	}
	for archive := tar.NewReader(zipped); ; {
		header, err := archive.Next()
		if err != nil {
			return "", err
		}
		if header.Name == "package/axe.min.js" {
			script, err := io.ReadAll(archive)
			return string(script), err
		}
	}
})

type packError struct {
	error
	output string
}

func (e *packError) Error() string { return "npm pack: " + e.error.Error() + ": " + e.output }

// noViolations looks at the page with axe-core: all rules of WCAG 2.2 up to
// level AA, and its best practices.
func (b *tab) noViolations(script, about string) {
	b.t.Helper()
	eval[bool](b, script+"; true")
	type result struct {
		Violations, Incomplete []string
		Passes                 int
	}
	found := eval[result](b, `axe.run(document, {resultTypes: ["violations", "incomplete"]}).then(({violations, incomplete, passes}) => {
		const texts = (list) => list.flatMap(({id, nodes}) => nodes.map(({target, failureSummary}) => id + " " + target + " " + failureSummary));
		return {Violations: texts(violations), Incomplete: texts(incomplete), Passes: passes.length};
	})`)
	assert.Empty(b.t, found.Violations, about)
	assert.Greater(b.t, found.Passes, 15, "axe-core has seen the page")
	if len(found.Incomplete) > 0 {
		b.t.Logf("%s: axe-core cannot tell %d times, such as %.100s", about, len(found.Incomplete), found.Incomplete[0])
	}
}
