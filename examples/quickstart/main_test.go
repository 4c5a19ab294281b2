package main

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/examples/internal/process"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestProgram(t *testing.T) {
	binary := process.Build(t)
	t.Run("its curl lines", func(t *testing.T) {
		program := process.Start(t, binary, "-addr", "127.0.0.1:0")
		program.WaitFor(t, "Ctrl+C")
		lines := regexp.MustCompile(`(?m)^  (curl .*)$`).FindAllStringSubmatch(program.Output(), -1)
		require.Len(t, lines, 3)
		for i, want := range []int{200, 200, 403} {
			answer := curl(t, lines[i][1])
			assert.Equal(t, want, answer.StatusCode, "%s", lines[i][1])
			assert.Equal(t, "application/json", answer.Header.Get("Content-Type"))
			body, err := io.ReadAll(answer.Body)
			require.NoError(t, err)
			if want == 200 {
				list := sessions(t, body)
				assert.GreaterOrEqual(t, len(list), 15)
				assert.Contains(t, string(body), "JBSWY3DPEHPK3PXP", "everything is sent as it is in the table")
			} else {
				assert.JSONEq(t, `{"msg":"Not authorized.","error":true,"status":403}`, string(body))
			}
		}
		program.Interrupt(t)
	})
	t.Run("other routes and no credentials", func(t *testing.T) {
		program := process.Start(t, binary, "-addr", "127.0.0.1:0")
		status, body, _ := program.Get(t, "/")
		assert.Equal(t, 200, status)
		assert.Contains(t, body, "the service's own")
		status, _, header := program.Get(t, "/api/v1/user/sessions")
		assert.Equal(t, 401, status)
		assert.Equal(t, "Bearer", header.Get("WWW-Authenticate"))
		program.Interrupt(t)
	})
	t.Run("with the page", func(t *testing.T) {
		program := process.Start(t, binary, "-addr", "127.0.0.1:0", "-page")
		program.WaitFor(t, "Ctrl+C")
		address := regexp.MustCompile(`(?m)^  http://[^/]*(/capi/)#token=(\S+)$`).FindStringSubmatch(program.Output())
		require.NotNil(t, address)
		status, body, _ := program.Get(t, address[1])
		assert.Equal(t, 200, status)
		assert.Contains(t, body, "page.js")
		token, err := url.QueryUnescape(address[2])
		require.NoError(t, err)
		status, body, _ = program.Get(t, "/capi/feed", "Authorization", "Bearer "+token)
		assert.Equal(t, 200, status)
		assert.Contains(t, body, `"whole":true`)
		status, _, _ = program.Get(t, "/capi/feed")
		assert.Equal(t, 401, status)
		program.Interrupt(t)
	})
	t.Run("redacted", func(t *testing.T) {
		program := process.Start(t, binary, "-addr", "127.0.0.1:0", "-redact")
		program.WaitFor(t, "Ctrl+C")
		token := regexp.MustCompile(`Bearer [A-Za-z0-9+/=]+`).FindString(program.Output())
		status, body, _ := program.Get(t, "/api/v1/user/sessions", "Authorization", token)
		require.Equal(t, 200, status)
		for _, secret := range []string{"JBSWY3DPEHPK3PXP", "$2y$10$", "vg2cpnvcc8gvgdcie0n9qvobhu"} {
			assert.NotContains(t, body, secret)
		}
		for _, session := range sessions(t, []byte(body)) {
			assert.Regexp(t, `^[0-9a-f]{64}$`, session.ID)
			if len(session.Data) > 0 {
				_, err := session.Data.Decode()
				assert.NoError(t, err, "what is masked still decodes")
			}
		}
		program.Interrupt(t)
	})
}

// The README shows what the program prints and answers, with … for parts that
// are left out.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```console\n\\$ (.*?)\n(.*?)```").FindAllStringSubmatch(string(readme), -1)
	require.Len(t, blocks, 2)
	shows := func(block, text string) {
		t.Helper()
		pattern := strings.ReplaceAll(regexp.QuoteMeta(strings.TrimSpace(block)), "…", ".+?")
		assert.Regexp(t, "(?s)^"+pattern+"$", strings.TrimSpace(text))
	}
	program := process.Start(t, process.Build(t), "-addr", "127.0.0.1:0")
	program.WaitFor(t, "Ctrl+C ends it.\n")
	address := strings.TrimPrefix(program.URL, "http://")

	assert.Equal(t, "go -C examples run ./quickstart", blocks[0][1])
	shows(blocks[0][2], strings.ReplaceAll(program.Output(), address, "127.0.0.1:8080"))

	line := strings.ReplaceAll(blocks[1][1], "127.0.0.1:8080", address)
	assert.Contains(t, program.Output(), "\n  "+line+"\n")
	_, cookie, ok := strings.Cut(line, "--cookie ")
	require.True(t, ok)
	cookie, _, _ = strings.Cut(cookie, " ")
	connection, err := net.Dial("tcp", address)
	require.NoError(t, err)
	defer connection.Close()
	_, err = io.WriteString(connection, "GET /api/v1/user/sessions HTTP/1.1\r\nHost: "+address+"\r\nCookie: "+cookie+"\r\n\r\n")
	require.NoError(t, err)
	var wire strings.Builder // Headers in the order of the wire.
	answer, err := http.ReadResponse(bufio.NewReader(io.TeeReader(connection, &wire)), nil)
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, answer.Body)
	require.NoError(t, err)
	shows(blocks[1][2], strings.ReplaceAll(wire.String(), "\r\n", "\n"))
	program.Interrupt(t)
}

func TestAddressTaken(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	output, err := exec.Command(process.Build(t), "-addr", listener.Addr().String()).CombinedOutput()
	require.Error(t, err)
	assert.Contains(t, string(output), "address already in use")
}

// curl sends the request of a curl line that the program printed.
func curl(t *testing.T, line string) *http.Response {
	t.Helper()
	fields := strings.Fields(line)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fields[len(fields)-1], nil)
	require.NoError(t, err)
	if _, header, ok := strings.Cut(line, "-H '"); ok {
		header, _, _ = strings.Cut(header, "'")
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Set(name, value)
	}
	if _, cookie, ok := strings.Cut(line, "--cookie "); ok {
		cookie, _, _ = strings.Cut(cookie, " ")
		r.Header.Set("Cookie", cookie)
	}
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	t.Cleanup(func() { response.Body.Close() })
	return response
}

func sessions(t *testing.T, body []byte) []capi.Session {
	t.Helper()
	var list capi.Envelope[[]capi.Session]
	require.NoError(t, json.Unmarshal(body, &list))
	return list.Msg
}
