package main

import (
	"database/sql"
	"encoding/json"
	"net/http"
	"os"
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

func TestMountSite(t *testing.T) {
	db, err := sql.Open("sqlite", ":memory:")
	require.NoError(t, err)
	defer db.Close()
	assert.ErrorIs(t, mountSite(http.NewServeMux(), db), os.ErrNotExist, "there is no such site here")
}
