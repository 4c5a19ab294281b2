// Echo mounts the session list on an echo instance, with echo's own middlewares
// around it.
//
//	go run ./echo
package main

import (
	"log/slog"
	"net/http"

	"github.com/capi-go/capi/examples/internal/demo"
	"github.com/labstack/echo/v5"
	"github.com/labstack/echo/v5/middleware"
)

func main() { demo.Main(mount) }

// mount puts the list on an echo instance. Any, rather than GET, leaves
// preflights and refusals of other methods to the list's own handler.
func mount(sessions http.Handler) http.Handler {
	e := echo.New()
	e.Use(middleware.RequestID())
	e.Use(middleware.RequestLoggerWithConfig(middleware.RequestLoggerConfig{
		LogMethod:    true,
		LogURIPath:   true, // Only the path: a query may hold credentials.
		LogStatus:    true,
		LogLatency:   true,
		LogRequestID: true,
		LogValuesFunc: func(_ *echo.Context, v middleware.RequestLoggerValues) error {
			slog.Info("request", "id", v.RequestID, "method", v.Method, "path", v.URIPath, "status", v.Status, "duration", v.Latency)
			return nil
		},
	}))
	e.Use(middleware.Recover())
	e.Use(middleware.Gzip())
	e.Any(demo.Path, echo.WrapHandler(sessions))
	return e
}
