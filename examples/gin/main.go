// Gin mounts the session list on a gin engine, with gin's own middlewares
// around it.
//
//	go run ./gin
package main

import (
	"crypto/rand"
	"net/http"

	"github.com/capi-go/capi/examples/internal/demo"
	"github.com/gin-gonic/gin"
	"github.com/klauspost/compress/gzhttp"
)

func main() {
	gin.SetMode(gin.ReleaseMode)
	demo.Main(mount)
}

// mount puts the list on an engine. Any, rather than GET, leaves preflights and
// refusals of other methods to the list's own handler.
func mount(sessions http.Handler) http.Handler {
	engine := gin.New()
	engine.Use(requestID)
	engine.Use(gin.LoggerWithConfig(gin.LoggerConfig{SkipQueryString: true}))
	// Without a writer: Recovery would log the cookies of a request whose list
	// was cut. It swallows the panic of such a list, but the client still sees
	// the cut: before it panics, the handler makes sure that nothing else can
	// be sent.
	engine.Use(gin.RecoveryWithWriter(nil))
	engine.Any(demo.Path, gin.WrapH(sessions))
	return gzhttp.GzipHandler(engine)
}

// requestID names each request. A name that the client sends is not trusted.
func requestID(c *gin.Context) {
	c.Header("X-Request-Id", rand.Text())
}
