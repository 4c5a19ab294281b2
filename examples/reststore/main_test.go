package main

import (
	"encoding/json"
	"net/http"
	"regexp"
	"testing"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/examples/internal/demo"
	"github.com/capi-go/capi/examples/internal/process"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestProgram(t *testing.T) {
	program := process.Start(t, process.Build(t), "-addr", "127.0.0.1:0")
	token := regexp.MustCompile(`Bearer \w+`).FindString(program.Output())
	status, body, _ := program.Get(t, demo.Path, "Authorization", token)
	require.Equal(t, http.StatusOK, status)
	var list capi.Envelope[[]capi.Session]
	require.NoError(t, json.Unmarshal([]byte(body), &list))
	assert.Greater(t, len(list.Msg), 100)

	status, _, _ = program.Get(t, demo.Path, "Authorization", token+"x")
	assert.Equal(t, http.StatusUnauthorized, status)
	program.Interrupt(t)
}
