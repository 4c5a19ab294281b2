package capi_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

func TestOpenAPI(t *testing.T) {
	want, err := os.ReadFile("openapi.yaml")
	require.NoError(t, err)
	got := capi.OpenAPI()
	assert.Equal(t, string(want), string(got))
	assert.Contains(t, string(got), "openapi: 3.1")

	clear(got)
	assert.Equal(t, string(want), string(capi.OpenAPI()), "what a caller did to its copy")
}
