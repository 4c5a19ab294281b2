package main

import (
	"database/sql"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/examples/internal/process"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"
)

func TestProgram(t *testing.T) {
	program := process.Start(t, process.Build(t), "-addr", "127.0.0.1:0")

	status, body, _ := program.Get(t, "/api/v1/user/sessions", "Authorization", "Bearer let-me-in")
	assert.Equal(t, 200, status)
	var list capi.Envelope[[]capi.Session]
	require.NoError(t, json.Unmarshal([]byte(body), &list))
	require.Len(t, list.Msg, 2)
	assert.Equal(t, "steve", list.Msg[1].Username)

	status, body, _ = program.Get(t, "/api/v1/user/sessions")
	assert.Equal(t, 401, status)
	assert.JSONEq(t, `{"msg":"Not authenticated.","error":true,"status":401}`, body)

	program.Interrupt(t)
}

// What README.md shows is what is compiled here.
func TestReadme(t *testing.T) {
	source, err := os.ReadFile("site.go")
	require.NoError(t, err)
	_, body, ok := strings.Cut(string(source), "db *sql.DB) error {\n\t")
	require.True(t, ok)
	body, _, ok = strings.Cut(body, "\n\n\treturn nil\n}")
	require.True(t, ok)

	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	_, snippet, ok := strings.Cut(string(readme), "<!-- snippet: mount -->\n```go\n")
	require.True(t, ok)
	snippet, _, ok = strings.Cut(snippet, "\n```\n")
	require.True(t, ok)
	assert.Equal(t, strings.ReplaceAll(body, "\n\t", "\n"), snippet)
}

func TestMountSite(t *testing.T) {
	db, err := sql.Open("sqlite", ":memory:")
	require.NoError(t, err)
	defer db.Close()
	assert.ErrorIs(t, mountSite(http.NewServeMux(), db), os.ErrNotExist, "there is no such site here")
}
