package main

import (
	"net/http"
	"testing"

	"github.com/capi-go/capi/examples/internal/demo"
	"github.com/capi-go/capi/examples/internal/mounttest"
	"github.com/gin-gonic/gin"
	"github.com/klauspost/compress/gzhttp"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.ReleaseMode)
	m.Run()
}

func TestProgram(t *testing.T) { mounttest.Program(t) }

func TestLists(t *testing.T) { mounttest.Lists(t, mount) }

// The middlewares of gin.Default, with compression inside them.
func TestListsWithinDefaultEngine(t *testing.T) {
	mounttest.Lists(t, func(sessions http.Handler) http.Handler {
		gin.DefaultErrorWriter = t.Output()
		engine := gin.Default()
		engine.Any(demo.Path, gin.WrapH(gzhttp.GzipHandler(sessions)))
		return engine
	})
}
