package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// packageIn returns the package of a release for this machine's processor.
func packageIn(t *testing.T, pattern string) string {
	t.Helper()
	release := os.Getenv("CAPI_RELEASE")
	require.NotEmpty(t, release, "the folder of a release: .ci/release -n -d FOLDER")
	paths, err := filepath.Glob(filepath.Join(release, pattern))
	require.NoError(t, err)
	require.Len(t, paths, 1)
	return paths[0]
}

// output runs a command, and returns what it prints without the space around it.
func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	var stderr bytes.Buffer
	command := exec.CommandContext(t.Context(), name, args...)
	command.Stderr = &stderr
	stdout, err := command.Output()
	require.NoError(t, err, "%v: %s%s", command, stdout, stderr.String())
	return strings.TrimSpace(string(stdout))
}

// TestPackages installs, upgrades and removes the packages of a release in a
// Debian that it makes.
func TestPackages(t *testing.T) {
	if os.Getenv("CAPI_LONG") == "" {
		t.Skip("CAPI_LONG is not set")
	}
	if os.Getuid() != 0 {
		t.Skip("NOT TESTED: only root may make a Debian")
	}
	root := filepath.Join(t.TempDir(), "debian")
	output(t, "debootstrap", "--variant=minbase", "--include=systemd,systemd-sysv", "bookworm", root)
	t.Run("rpm", func(t *testing.T) { testRPM(t, root) })
	t.Run("deb", func(t *testing.T) { testDeb(t, root) })
}

// A machine is a Debian that systemd-nspawn has booted, with systemd as its
// first process and a loopback interface of its own.
type machine struct {
	t    *testing.T
	init string // Its process id, as seen from here.
}

// boot boots the Debian in a folder.
func boot(t *testing.T, root string) *machine {
	t.Helper()
	nspawn := exec.Command("systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network", "--boot", "--directory="+root)
	console, err := os.Create(filepath.Join(t.TempDir(), "console"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = console.Close() })
	nspawn.Stdout, nspawn.Stderr = console, console
	require.NoError(t, nspawn.Start())
	m := &machine{t: t}
	t.Cleanup(func() {
		_ = exec.Command("nsenter", m.args("systemctl", "poweroff")...).Run()
		if timer := time.AfterFunc(time.Minute, func() { _ = nspawn.Process.Kill() }); nspawn.Wait() == nil {
			timer.Stop()
		}
	})
	pid := strconv.Itoa(nspawn.Process.Pid)
	require.Eventually(t, func() bool {
		children, err := os.ReadFile(filepath.Join("/proc", pid, "task", pid, "children"))
		if err != nil || len(strings.Fields(string(children))) != 1 {
			return false
		}
		m.init = strings.TrimSpace(string(children))
		// It fails where a unit has, such as one that a container cannot have.
		state, _ := exec.Command("nsenter", m.args("systemctl", "is-system-running", "--wait")...).Output()
		return strings.TrimSpace(string(state)) == "running" || strings.TrimSpace(string(state)) == "degraded"
	}, time.Minute, time.Second, "it does not boot")
	return m
}

// args are those of nsenter that run a command there.
func (m *machine) args(command ...string) []string {
	return append([]string{"--target", m.init, "--all", "--root", "--wd"}, command...)
}

// run runs a line of the shell, which must succeed, and returns what it prints.
func (m *machine) run(line string) string {
	m.t.Helper()
	m.t.Log(line)
	return output(m.t, "nsenter", m.args("env", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "sh", "-c", line)...)
}

// testDeb has an administrator install the package, serve a site, upgrade to
// another version, remove and purge it, on that Debian with systemd.
func testDeb(t *testing.T, root string) {
	deb := packageIn(t, "capi_*_"+runtime.GOARCH+".deb")
	require.NoError(t, os.Link(deb, filepath.Join(root, "old.deb")))
	// The next version has the same files.
	next := filepath.Join(t.TempDir(), "next")
	output(t, "dpkg-deb", "--raw-extract", deb, next)
	control := filepath.Join(next, "DEBIAN", "control")
	text, err := os.ReadFile(control)
	require.NoError(t, err)
	text = bytes.Replace(text, []byte("\nVersion: "), []byte("\nVersion: 1000."), 1)
	require.NoError(t, os.WriteFile(control, text, 0o644))
	output(t, "dpkg-deb", "--root-owner-group", "--build", next, filepath.Join(root, "new.deb"))

	// The group of web servers may read the site, and nobody else.
	site := newSiteOf(t, "sqlite")
	folder := filepath.Join(root, "var", "www", "html")
	require.NoError(t, os.MkdirAll(folder, 0o755))
	database, err := os.ReadFile(site.properties["db"].(string))
	require.NoError(t, err)
	php := site.php(map[string]any{"db": "/var/www/html/joomla.sqlite"})
	for name, content := range map[string][]byte{"joomla.sqlite": database, "configuration.php": []byte(php)} {
		path := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(path, content, 0o640))
		require.NoError(t, os.Chown(path, 0, 33)) // www-data, in each Debian.
		require.NoError(t, os.Chmod(path, 0o640))
	}

	m := boot(t, root)
	sessions := len(site.Tables["session"])
	lists := func() {
		t.Helper()
		table := m.run("CAPI_TOKEN=" + site.token() + " capi list http://127.0.0.1:8080" + listPath)
		assert.Len(t, strings.Split(table, "\n"), 1+sessions, "a header and a line for each session")
	}
	states := func(want string) {
		t.Helper()
		assert.Equal(t, want, strings.ReplaceAll(m.run("systemctl is-active capi.socket capi.service || true"), "\n", " "))
	}

	m.run("dpkg --install /old.deb")
	m.run("test -e /usr/share/man/man1/capi-serve.1.gz && test -e /usr/share/bash-completion/completions/capi")
	assert.Regexp(t, `^capi:x:\d+:\d+:.*:/nonexistent:/usr/sbin/nologin$`, m.run("getent passwd capi"))
	assert.Equal(t, "disabled", m.run("systemctl is-enabled capi.socket || true"))
	states("inactive inactive")

	// What the comments of the unit and of the file of flags say.
	m.run("! runuser -u capi -- capi check --config /var/www/html/configuration.php")
	m.run(`mkdir /etc/systemd/system/capi.service.d
printf '[Service]\nSupplementaryGroups=www-data\n' >/etc/systemd/system/capi.service.d/override.conf
echo '# Changed.' >>/etc/default/capi
systemctl daemon-reload
systemctl enable --now capi.socket`)
	lists()
	states("active active")
	process := m.run("systemctl show --property=MainPID --value capi.service")
	assert.Equal(t, m.run("id -u capi"), m.run("stat --format=%u /proc/"+process))
	m.run("systemctl reload capi.service")

	m.run("dpkg --install /new.deb")
	states("active active")
	assert.NotEqual(t, process, m.run("systemctl show --property=MainPID --value capi.service"), "it is restarted")
	assert.Contains(t, m.run("cat /etc/default/capi"), "# Changed.")
	lists()

	m.run("systemctl stop capi.socket capi.service && dpkg --install /old.deb")
	states("inactive inactive")
	assert.Equal(t, "enabled", m.run("systemctl is-enabled capi.socket"))

	m.run("systemctl start capi.socket")
	lists()
	m.run("dpkg --remove capi")
	states("inactive inactive")
	m.run("test ! -e /usr/bin/capi && test -e /etc/default/capi")
	m.run("dpkg --purge capi")
	m.run("rm -r /etc/systemd/system/capi.service.d")
	assert.Empty(t, m.run("find /etc /usr /var/lib/systemd -name '*capi*'"))
	assert.NotContains(t, m.run("systemctl list-unit-files"), "capi")
}

// testRPM installs and removes the other package. Its scripts run in the folder,
// without systemd as a process.
func testRPM(t *testing.T, root string) {
	architecture := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]
	path := packageIn(t, "capi-*."+architecture+".rpm")
	// Debian's systemd is not known to rpm.
	output(t, "rpm", "--root", root, "--nodeps", "--install", path)
	files := output(t, "rpm", "--root", root, "--query", "--list", "capi")
	for _, file := range []string{
		"/usr/bin/capi", "/usr/lib/systemd/system/capi.service", "/usr/lib/systemd/system/capi.socket",
		"/usr/lib/sysusers.d/capi.conf", "/etc/sysconfig/capi", "/usr/share/licenses/capi/LICENSES",
		"/usr/share/man/man1/capi-serve.1.gz", "/usr/share/bash-completion/completions/capi",
	} {
		assert.Contains(t, strings.Split(files, "\n"), file)
	}
	assert.NotContains(t, files, "/etc/default")
	assert.Contains(t, output(t, "chroot", root, "/usr/bin/capi", "version"), "linux/"+runtime.GOARCH)
	output(t, "rpm", "--root", root, "--nodeps", "--upgrade", "--replacepkgs", path)
	output(t, "rpm", "--root", root, "--erase", "capi")
	output(t, "chroot", root, "userdel", "capi") // It was there, and stays.
	assert.Empty(t, output(t, "find", root+"/etc", root+"/usr", "-name", "*capi*"))
}
