//go:build unix && !aix && !illumos && !solaris

package joomla_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi/internal/joomla"
)

// Users that every Debian has.
const (
	wwwData = 33
	nobody  = 65534
)

// requireRoot skips a test that makes files of other users, which fails in CI.
func requireRoot(t *testing.T) {
	if os.Getuid() != 0 {
		require.Empty(t, os.Getenv("CI"), "the tests of owners need root")
		t.Skip("SKIPPED: only root can make files of other users")
	}
}

// publicDir returns a directory that other users may enter, unlike those of
// [testing.T.TempDir].
func publicDir(t *testing.T) string {
	path, err := os.MkdirTemp("", "capi")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(path)) })
	require.NoError(t, os.Chmod(path, 0o755))
	return path
}

// ownedFiles returns a directory of mode 1733, like Debian's, with a file of
// each of three users, and others that only their owners may read.
func ownedFiles(t *testing.T) string {
	path := publicDir(t)
	for id, owner := range map[string]int{"root": 0, "www": wwwData, "nobody": nobody} {
		for _, mode := range []fs.FileMode{0o600, 0o644} {
			file := fmt.Sprintf("%s/sess_%s%o", path, id, mode)
			writeFile(t, file, "x|N;", 1)
			require.NoError(t, os.Chmod(file, mode))
			require.NoError(t, os.Chown(file, owner, owner))
		}
	}
	require.NoError(t, os.Chmod(path, 0o733|fs.ModeSticky))
	return path
}

func TestSessionDirReadOwners(t *testing.T) {
	requireRoot(t)
	path := ownedFiles(t)
	for _, test := range []struct {
		owners []int
		want   string
	}{
		{nil, "root"},
		{[]int{}, "root"},
		{[]int{wwwData}, "root www"},
		{[]int{wwwData, nobody}, "root www nobody"},
		{[]int{0}, "root"},
		{[]int{-2, 1}, "root"},
	} {
		rules := joomla.SessionFileRules{Limit: 100, Owners: test.owners}
		var got []string
		for _, id := range []string{"root", "www", "nobody"} {
			found := readFiles(t, path, rules, id+"600")[0]
			require.Equal(t, found, readFiles(t, path, rules, id+"644")[0])
			if found != nil {
				got = append(got, id)
			}
		}
		assert.Equal(t, test.want, strings.Join(got, " "), "%v", test.owners)
	}
}

// TestSessionDirReadAsOtherUser reads as www-data, by running itself as that
// user.
func TestSessionDirReadAsOtherUser(t *testing.T) {
	if path := os.Getenv("CAPI_TEST_SESSION_FILES"); path != "" {
		answers := map[string]string{}
		for _, id := range []string{"root600", "root644", "www600", "www644", "nobody600", "nobody644"} {
			contents, _, err := sessionDir(t, path).Read(t.Context(), []string{id}, joomla.SessionFileRules{Limit: 100})
			switch {
			case err != nil:
				answers[id] = err.Error()
			case contents[0] != nil:
				answers[id] = string(contents[0])
			}
		}
		require.NoError(t, json.NewEncoder(os.Stdout).Encode(answers))
		return
	}
	requireRoot(t)
	// The directory of the test's program may be closed to others.
	program := filepath.Join(publicDir(t), "test")
	self, err := os.Executable()
	require.NoError(t, err)
	content, err := os.ReadFile(self)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(program, content, 0o755))
	command := exec.CommandContext(t.Context(), program, "-test.run", "^"+t.Name()+"$")
	command.Dir = "/"
	command.Env = []string{"CAPI_TEST_SESSION_FILES=" + ownedFiles(t)}
	command.Stderr = os.Stderr
	command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: wwwData, Gid: wwwData}}
	output, err := command.Output()
	require.NoError(t, err, "%s", output)
	var answers map[string]string
	require.NoError(t, json.Unmarshal([]byte(strings.SplitN(string(output), "\n", 2)[0]), &answers), "%s", output)
	assert.Equal(t, map[string]string{
		"root600": "reading a session file: permission denied", // The operator must know.
		"root644": "x|N;", "www600": "x|N;", "www644": "x|N;",
	}, answers, "those of nobody are no sessions")
}

// TestSessionDirReadOther reads things that are not files, and must not block.
func TestSessionDirReadOther(t *testing.T) {
	path := t.TempDir()
	require.NoError(t, syscall.Mkfifo(path+"/sess_fifo", 0o600))
	require.NoError(t, os.Symlink("sess_fifo", path+"/sess_link"))
	require.NoError(t, os.Symlink("sess_loop", path+"/sess_loop"))
	require.NoError(t, os.Symlink("nowhere", path+"/sess_dangling"))
	ids := []string{"fifo", "link", "loop", "dangling"}
	if socket, err := net.Listen("unix", path+"/sess_socket"); err == nil { // Its path may be too long.
		defer socket.Close()
		ids = append(ids, "socket")
	}
	if os.Getuid() == 0 && syscall.Mknod(path+"/sess_device", syscall.S_IFCHR|0o600, 1<<8|5) == nil { // /dev/zero, on Linux.
		ids = append(ids, "device")
	}
	assert.Equal(t, make([][]byte, len(ids)), readFiles(t, path, anyTime, ids...))
}

// TestSessionDirReadSwaps reads a session while somebody puts a FIFO, a link
// and a file of another user in its place. It ends, so that no read hangs.
func TestSessionDirReadSwaps(t *testing.T) {
	path := t.TempDir()
	require.NoError(t, os.WriteFile(path+"/secret", []byte("secret"), 0o600))
	stop := make(chan struct{})
	var swapper sync.WaitGroup
	swapper.Add(1)
	go func() {
		defer swapper.Done()
		make := []func(string) error{
			func(name string) error { return os.WriteFile(name, []byte("x|N;"), 0o600) },
			func(name string) error { return syscall.Mkfifo(name, 0o600) },
			func(name string) error { return os.Symlink("secret", name) },
			func(name string) error { return os.Symlink("fifo", name) },
		}
		if os.Getuid() == 0 {
			make = append(make, func(name string) error {
				if err := os.WriteFile(name, []byte("foreign"), 0o600); err != nil {
					return err
				}
				return os.Chown(name, nobody, nobody)
			})
		}
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			if err := make[i%len(make)](path + "/next"); err != nil {
				t.Error(err)
				return
			}
			if err := os.Rename(path+"/next", path+"/sess_x"); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	defer swapper.Wait()
	defer close(stop)

	const readers = 4
	dir, threadsBefore := sessionDir(t, path), threads(t)
	var all sync.WaitGroup
	var mu sync.Mutex
	found := map[string]int{}
	for range readers {
		all.Add(1)
		go func() {
			defer all.Done()
			for range 10_000 / readers {
				contents, _, err := dir.Read(t.Context(), []string{"x"}, anyTime)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				found[string(contents[0])]++
				mu.Unlock()
			}
		}()
	}
	all.Wait()
	if n := threads(t); n > threadsBefore+2*readers {
		t.Errorf("%d threads, of %d before", n, threadsBefore)
	}
	t.Log(found)
	assert.NotZero(t, found["x|N;"])
	assert.NotZero(t, found[""])
	delete(found, "x|N;")
	delete(found, "")
	assert.Empty(t, found)
}

// threads returns how many system threads this process has, or 0 if that is
// unknown.
func threads(t *testing.T) int {
	entries, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Log("threads are not counted: ", err)
	}
	return len(entries)
}

// lockFile opens a file and takes its lock as PHP does.
func lockFile(t *testing.T, path string) *os.File {
	t.Helper()
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	require.NoError(t, err)
	t.Cleanup(func() { file.Close() })
	require.NoError(t, syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB))
	return file
}

// A page that hangs keeps the lock. The text from before it is read at once, as
// is that of a session that nobody holds.
func TestSessionDirReadLocked(t *testing.T) {
	path := t.TempDir()
	var ids []string
	for i := range 100 {
		ids = append(ids, fmt.Sprint("held", i))
		writeFile(t, fmt.Sprint(path, "/sess_held", i), "x|N;", time.Now().Unix()-2)
		lockFile(t, fmt.Sprint(path, "/sess_held", i))
	}
	began := time.Now()
	for _, content := range readFiles(t, path, anyTime, ids...) {
		require.Equal(t, "x|N;", string(content))
	}
	assert.Less(t, time.Since(began), 100*time.Millisecond)
}

// PHP waits for readers that have the lock.
func TestSessionDirReadUnlocks(t *testing.T) {
	path := t.TempDir()
	writeFile(t, path+"/sess_x", "x|N;", 1)
	for range 100 {
		readFiles(t, path, anyTime, "x")
		require.NoError(t, lockFile(t, path+"/sess_x").Close())
	}
}
