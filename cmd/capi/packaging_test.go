package main

import (
	"debug/elf"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/capi-go/capi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestUnits verifies the systemd units. It replaces the path of the program, the
// only thing in them that is not on this machine.
func TestUnits(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("NOT TESTED: no systemd-analyze")
	}
	program, err := exec.LookPath("capi")
	require.NoError(t, err)
	dir := t.TempDir()
	var units []string
	for _, name := range []string{"capi.service", "capi-watch@.service", "capi.socket"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "packaging", name))
		require.NoError(t, err)
		unit := filepath.Join(dir, strings.Replace(name, "@", "@shop", 1))
		text = []byte(strings.ReplaceAll(string(text), "/usr/bin/capi", program))
		require.NoError(t, os.WriteFile(unit, text, 0o600))
		units = append(units, unit)
	}
	output, err := exec.CommandContext(t.Context(), analyze, append([]string{"verify", "--man=no"}, units...)...).CombinedOutput()
	require.NoError(t, err, "%s", output)
	assert.Empty(t, string(output))
	// In tenths: 10 is a service without any restriction.
	for _, service := range units[:2] {
		output, err = exec.CommandContext(t.Context(), analyze, "security", "--offline=true", "--threshold=15", service).CombinedOutput()
		assert.NoError(t, err, "%s", output)
	}
}

// TestPrometheus lets promtool check what Prometheus reads, and try the alerts.
func TestPrometheus(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		if os.Getenv("CI") != "" {
			require.NoError(t, err)
		}
		t.Skip("NOT TESTED: no promtool")
	}
	for _, args := range [][]string{{"check", "config", "prometheus.yml"}, {"check", "rules", "capi.rules.yml"}, {"test", "rules", "capi.rules.test.yml"}} {
		command := exec.CommandContext(t.Context(), promtool, args...)
		command.Dir = filepath.Join("..", "..", "packaging", "prometheus")
		output, err := command.CombinedOutput()
		assert.NoError(t, err, "%s", output)
	}
}

// TestMetricNames looks for the metrics that alerts and the dashboard name
// among those of a program that serves.
func TestMetricNames(t *testing.T) {
	site := newSiteOf(t, "mysqli")
	program := serveProcess(t, site.php(nil), "--metrics", "127.0.0.1:0")
	program.get("/nothing", nil)
	response, err := http.Get(program.metrics)
	require.NoError(t, err)
	defer response.Body.Close()
	metrics, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	for _, path := range []string{"prometheus/capi.rules.yml", "grafana/capi.json"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "packaging", path))
		require.NoError(t, err)
		names := regexp.MustCompile(`\bcapi_[a-z_]+`).FindAllString(string(text), -1)
		require.NotEmpty(t, names)
		for _, name := range names {
			assert.Contains(t, string(metrics), "\n"+name, path)
		}
		if filepath.Ext(path) == ".json" {
			assert.True(t, json.Valid(text), path)
		}
	}
}

// TestEmptyRoot builds the program as the container file does, and runs it with
// nothing around it but certificates of authorities and what is mounted.
func TestEmptyRoot(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a build without cgo")
	}
	root := t.TempDir()
	path := filepath.Join(root, "capi")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", path, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	output, err := build.CombinedOutput()
	require.NoError(t, err, "%s", output)
	file, err := elf.Open(path)
	require.NoError(t, err)
	defer file.Close()
	for _, segment := range file.Progs {
		assert.NotEqual(t, elf.PT_INTERP, segment.Type, "it is static")
	}
	if os.Getuid() != 0 {
		t.Skip("NOT TESTED: only root may change the root")
	}

	server := httptest.NewTLSServer(capi.NewHandler(capi.Sessions{{Username: "steve"}},
		capi.AuthorizerFunc(func(*http.Request) error { return nil })))
	defer server.Close()
	certificates := filepath.Join(root, "etc", "ssl", "certs")
	require.NoError(t, os.MkdirAll(certificates, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(certificates, "ca-certificates.crt"),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(root, "configuration.php"), []byte(newSiteOf(t, "mysqli").php(nil)), 0o644))
	require.NoError(t, os.Chmod(root, 0o755))
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"version"}, "capi "},
		{[]string{"check", "--config", "/configuration.php"}, "good: "},
		{[]string{"list", server.URL}, "steve"},
	} {
		program := exec.CommandContext(t.Context(), "/capi", test.args...)
		program.Dir, program.Env = "/", []string{"CAPI_TOKEN=token"}
		program.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
		output, err = program.CombinedOutput()
		require.NoError(t, err, "%v: %s", test.args, output)
		assert.Contains(t, string(output), test.want)
	}
}
