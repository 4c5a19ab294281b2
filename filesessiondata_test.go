package capi_test

import (
	"context"
	"database/sql"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

// fileNow is the time of the tests, which is not the machine's.
var fileNow = time.Unix(testNow, 0)

func files(dir string) capi.FileSessionData {
	return capi.FileSessionData{Dir: dir, Lifetime: time.Minute, Now: func() time.Time { return fileNow }}
}

// writeSession writes a session file that was last written age before fileNow.
func writeSession(t testing.TB, path, data string, age time.Duration) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, []byte(data), 0o600))
	require.NoError(t, os.Chtimes(path, time.Time{}, fileNow.Add(-age)))
}

func TestFileSessionDataPayloads(t *testing.T) {
	dir := t.TempDir()
	writeSession(t, dir+"/a/b/sess_ab1", login(7), 0)
	writeSession(t, dir+"/a/b/sess_ab2", "x|N;", time.Minute)
	writeSession(t, dir+"/a/b/sess_ab3", "x|N;", time.Minute+time.Second)
	writeSession(t, dir+"/a/b/sess_ab4", "", 0)
	writeSession(t, dir+"/other", "x|N;", 0)
	ids := []string{"ab1", "missing", "ab2", "ab3", "ab4", "", "a", "ab1", "../../other"}
	got, err := files("2;"+dir).Payloads(t.Context(), ids)
	require.NoError(t, err)
	want := make([]capi.Payload, len(ids))
	want[0], want[2], want[4], want[7] = capi.Payload(login(7)), capi.Payload("x|N;"), capi.Payload{}, capi.Payload(login(7))
	assert.Equal(t, want, got)
}

func TestFileSessionDataValidates(t *testing.T) {
	for dir, want := range map[string]string{
		"":       "capi: invalid site configuration: no directory of session files",
		"x;/tmp": "capi: invalid site configuration: malformed directory of session files: write it as /path, N;/path or N;MODE;/path",
	} {
		_, err := capi.FileSessionData{Dir: dir}.Payloads(t.Context(), nil)
		require.ErrorIs(t, err, capi.ErrSiteConfig)
		require.EqualError(t, err, want)
		_, err = capi.SiteOptions{SessionData: files(dir)}.NewSite(new(sql.DB), capi.SiteConfig{DBType: "sqlite", DBPrefix: "a", Secret: capi.NewSecret("s")})
		require.EqualError(t, err, want, "a site says so at once")
	}
	for _, data := range []capi.SessionData{
		capi.FileSessionData{Dir: "/tmp", Lifetime: -1}, &capi.FileSessionData{Dir: "/tmp", Lifetime: -1}, &capi.FileSessionData{Lifetime: -1},
	} {
		_, err := capi.SiteOptions{SessionData: data}.NewSite(new(sql.DB), capi.SiteConfig{DBType: "sqlite", DBPrefix: "a", Secret: capi.NewSecret("s")})
		require.ErrorIs(t, err, capi.ErrSiteConfig)
		require.ErrorContains(t, err, "negative Lifetime -1ns")
	}
	_, err := capi.SiteOptions{SessionData: capi.FileSessionData{Dir: "/tmp", Owners: []int{33, -1}}}.NewSite(
		new(sql.DB), capi.SiteConfig{DBType: "sqlite", DBPrefix: "a", Secret: capi.NewSecret("s")})
	require.EqualError(t, err, "capi: invalid site configuration: negative user id -1 in Owners of FileSessionData")
}

func TestFileSessionDataFails(t *testing.T) {
	dir := t.TempDir()
	_, err := files(dir+"/missing").Payloads(t.Context(), []string{"hush"})
	require.ErrorIs(t, err, fs.ErrNotExist, "a directory that is not there has no sessions that ended")
	assert.NotContains(t, err.Error(), "hush")
	got, err := files(dir+"/missing").Payloads(t.Context(), []string{"../hush"})
	assert.NoError(t, err, "nothing that could be there is missing")
	assert.Equal(t, []capi.Payload{nil}, got)
	got, err = files(dir+"/missing").Payloads(t.Context(), nil)
	assert.NoError(t, err)
	assert.Empty(t, got)

	writeSession(t, dir+"/file", "", 0)
	_, err = files(dir+"/file").Payloads(t.Context(), []string{"hush"})
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "hush")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = files(dir).Payloads(ctx, []string{"hush"})
	assert.ErrorIs(t, err, context.Canceled)
}

// The defaults are Joomla's, and the machine's clock.
func TestFileSessionDataZeroFields(t *testing.T) {
	dir := t.TempDir()
	for name, age := range map[string]time.Duration{"fresh": 14 * time.Minute, "old": 16 * time.Minute} {
		require.NoError(t, os.WriteFile(dir+"/sess_"+name, []byte("x"), 0o600))
		require.NoError(t, os.Chtimes(dir+"/sess_"+name, time.Time{}, time.Now().Add(-age)))
	}
	got, err := capi.FileSessionData{Dir: dir}.Payloads(t.Context(), []string{"fresh", "old"})
	require.NoError(t, err)
	assert.Equal(t, []capi.Payload{capi.Payload("x"), nil}, got)
}

func TestFileSessionDataPayloadsUpTo(t *testing.T) {
	dir := t.TempDir()
	for id, text := range map[string]string{"empty": "", "full": "x|N;", "long": "x|b:1;"} {
		writeSession(t, dir+"/sess_"+id, text, 0)
	}
	writeSession(t, dir+"/sess_old", "x|b:1;", time.Hour)
	ids := []string{"long", "empty", "full", "old", "missing", "../long"}
	payloads, lengths, err := files(dir).PayloadsUpTo(t.Context(), ids, 4)
	require.NoError(t, err)
	assert.Equal(t, []capi.Payload{nil, {}, capi.Payload("x|N;"), nil, nil, nil}, payloads)
	assert.Equal(t, []int{6, 0, 0, 0, 0, 0}, lengths)

	for _, limit := range []int{0, -1} {
		payloads, lengths, err = files(dir).PayloadsUpTo(t.Context(), ids, limit)
		require.NoError(t, err)
		assert.Equal(t, []capi.Payload{nil, {}, nil, nil, nil, nil}, payloads)
		assert.Equal(t, []int{6, 0, 4, 0, 0, 0}, lengths)
	}
	_, _, err = files("").PayloadsUpTo(t.Context(), nil, 1)
	assert.ErrorIs(t, err, capi.ErrSiteConfig)
}

// No database holds a session of 16 MiB, and no session is read in part.
func TestFileSessionDataTooLong(t *testing.T) {
	dir := t.TempDir()
	for size, want := range map[int64]string{16<<20 - 1: "", 16 << 20: "capi: reading a session file: file of 16 MiB or more"} {
		writeSession(t, dir+"/sess_long", "", 0)
		require.NoError(t, os.Truncate(dir+"/sess_long", size))
		require.NoError(t, os.Chtimes(dir+"/sess_long", time.Time{}, fileNow))
		payloads, err := files(dir).Payloads(t.Context(), []string{"long"})
		if want != "" {
			require.EqualError(t, err, want)
			continue
		}
		require.NoError(t, err)
		assert.Len(t, payloads[0], int(size))
	}
}

// A session file that another user of the machine made is ignored.
func TestFileSessionDataOwners(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("files have no owners")
	}
	if os.Getuid() != 0 {
		require.Empty(t, os.Getenv("CI"), "the tests of owners need root")
		t.Skip("SKIPPED: only root can make files of other users")
	}
	const wwwData = 33
	dir := t.TempDir()
	for name, owner := range map[string]int{"mine": 0, "of33": wwwData, "of34": wwwData + 1} {
		writeSession(t, dir+"/sess_"+name, name, 0)
		require.NoError(t, os.Chown(dir+"/sess_"+name, owner, owner))
	}
	for want, owners := range map[string][]int{"mine": nil, "mine of33": {wwwData}, "mine of33 of34": {wwwData, wwwData + 1}} {
		data := files(dir)
		data.Owners = owners
		payloads, err := data.Payloads(t.Context(), []string{"mine", "of33", "of34"})
		require.NoError(t, err)
		var got []string
		for _, payload := range payloads {
			if payload != nil {
				got = append(got, string(payload))
			}
		}
		assert.Equal(t, want, strings.Join(got, " "))
	}
}
