package main

import (
	"database/sql"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestWAL reads a database in WAL mode as users other than its site's, which must
// be able to write afterwards.
func TestWAL(t *testing.T) {
	if os.Geteuid() != 0 {
		require.Empty(t, os.Getenv("CI"), "CI runs tests as root")
		t.Skip("NOT TESTED: it takes root to be several users")
	}
	idOf := func(name string) uint32 {
		account, err := user.Lookup(name)
		require.NoError(t, err)
		id, err := strconv.ParseUint(account.Uid, 10, 32)
		require.NoError(t, err)
		return uint32(id)
	}
	// All except the stranger are in the site's group.
	site, other, stranger := idOf("www-data"), idOf("nobody"), idOf("games")
	self, err := os.Executable()
	require.NoError(t, err)
	text, err := os.ReadFile(self)
	require.NoError(t, err)
	program := filepath.Join(t.TempDir(), "capi")
	require.NoError(t, os.WriteFile(program, text, 0o755))
	require.NoError(t, os.Chmod(filepath.Dir(filepath.Dir(program)), 0o755))

	for _, test := range []struct {
		name      string
		directory fs.FileMode
		file      fs.FileMode
		mode      string
		as        uint32
		used      bool // by the site meanwhile
		want      string
	}{
		{"another user", fs.ModeSetgid | 0o775, 0o644, "wal", other, false, "this user would create files beside it that its site could not write to"},
		{"another user, in use", fs.ModeSetgid | 0o775, 0o644, "wal", other, true, "this user would create files beside it that its site could not write to"},
		{"the group may write, and is its own", 0o777, 0o664, "wal", other, false, ""},
		{"the group may write, and another is its own", 0o777, 0o664, "wal", stranger, false, "this user would create files beside it that its site could not write to"},
		{"the group may write", fs.ModeSetgid | 0o775, 0o664, "wal", other, false, ""},
		{"no right to the directory", 0o755, 0o644, "wal", other, false, "its site does not use it now"},
		{"no right to the directory, in use", 0o755, 0o644, "wal", other, true, ""},
		{"the site's own", fs.ModeSetgid | 0o775, 0o644, "wal", site, false, ""},
		{"root", 0o755, 0o644, "wal", 0, false, ""},
		{"no WAL", fs.ModeSetgid | 0o775, 0o644, "delete", other, false, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755))
			path := filepath.Join(dir, "joomla.sqlite")
			made := newTestSite(t, "sqlite", path)
			made.Exec(t, `PRAGMA journal_mode = `+test.mode)
			if !test.used {
				require.NoError(t, made.DB.Close())
			} else {
				made.DB.SetMaxOpenConns(1)
				made.DB.SetMaxIdleConns(1)
				made.Exec(t, `UPDATE "#__session" SET "guest" = 1 WHERE "session_id" = 'x'`)
			}
			files := func() map[string]string {
				all := map[string]string{}
				entries, err := os.ReadDir(dir)
				require.NoError(t, err)
				for _, entry := range entries {
					info, err := entry.Info()
					require.NoError(t, err)
					stat := info.Sys().(*syscall.Stat_t)
					all[entry.Name()] = fmt.Sprint(info.Mode(), stat.Uid, stat.Gid, info.Size(), info.ModTime())
				}
				return all
			}
			configuration := filepath.Join(t.TempDir(), "configuration.php")
			require.NoError(t, os.WriteFile(configuration, []byte(made.php(nil)), 0o644))
			require.NoError(t, os.Chmod(filepath.Dir(configuration), 0o755))
			entries, err := os.ReadDir(dir)
			require.NoError(t, err)
			for _, entry := range entries {
				require.NoError(t, os.Chown(filepath.Join(dir, entry.Name()), int(site), int(site)))
				require.NoError(t, os.Chmod(filepath.Join(dir, entry.Name()), test.file))
			}
			require.NoError(t, os.Chown(dir, int(site), int(site)))
			require.NoError(t, os.Chmod(dir, test.directory))

			before := files()
			command := exec.CommandContext(t.Context(), program, "check", "--config", configuration)
			group := site
			if test.as == stranger {
				group = stranger
			}
			command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: test.as, Gid: group}}
			output, err := command.CombinedOutput()
			if test.want == "" {
				assert.NoError(t, err, "%s", output)
			} else {
				assert.Error(t, err)
				assert.Contains(t, string(output), test.want)
				assert.Equal(t, before, files(), "nothing is written")
			}

			// The site itself is another process.
			command = exec.CommandContext(t.Context(), self, "-test.run", "^TestWALWriter$", "-test.v")
			command.Path = program
			command.Env = append(os.Environ(), "CAPI_WAL_DATABASE="+path, "CAPI_WAL_TABLE="+made.Prefix+"session")
			command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: site, Gid: site}}
			output, err = command.CombinedOutput()
			require.NoError(t, err, "%s", output)
			assert.Contains(t, string(output), "--- PASS: TestWALWriter")
		})
	}
}

// TestWALWriter does what a site does, for TestWAL.
func TestWALWriter(t *testing.T) {
	path := os.Getenv("CAPI_WAL_DATABASE")
	if path == "" {
		t.Skip("a part of TestWAL")
	}
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	defer db.Close()
	result, err := db.ExecContext(t.Context(), `UPDATE "`+os.Getenv("CAPI_WAL_TABLE")+`" SET "guest" = 1`)
	require.NoError(t, err)
	n, err := result.RowsAffected()
	require.NoError(t, err)
	assert.Positive(t, n)
}
