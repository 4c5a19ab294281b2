package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

const readyUsage = `Asks a running capi serve whether it can serve, at URL or at
http://127.0.0.1:8080/readyz. A URL may be that of one site, /NAME/readyz, or
unix:PATH for a program that serves at a socket. It is for the HEALTHCHECK of a
container, which needs no shell for it.

Exit status: 0 it is ready, 1 it is not or does not answer, 2 wrong usage.`

// newReadyCommand returns the command ready.
func newReadyCommand() *cobra.Command {
	timeout := 3 * time.Second
	c := &cobra.Command{
		Use: "ready [URL]", Short: "Ask whether a running capi serve is ready", Long: readyUsage, Args: atMost(1),
		Example: `  HEALTHCHECK CMD ["/capi", "ready"]`,
		RunE: func(c *cobra.Command, args []string) error {
			target := "http://127.0.0.1:8080/readyz"
			if len(args) > 0 {
				target = args[0]
			}
			ctx, cancel := context.WithTimeout(c.Context(), timeout)
			defer cancel()
			if err := askReady(ctx, target); err != nil {
				return failed(c, err)
			}
			return nil
		},
	}
	c.Flags().DurationVar(&timeout, "timeout", timeout, "how long to wait for the answer")
	return c
}

// askReady returns why the program at a URL is not ready.
func askReady(ctx context.Context, target string) error {
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	if socket, ok := strings.CutPrefix(target, "unix:"); ok {
		target = "http://localhost/readyz"
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		}
	} else if parsed, err := url.Parse(target); err == nil && parsed.Host != "" && strings.Trim(parsed.Path, "/") == "" {
		parsed.Path = "/readyz"
		target = parsed.String()
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return err
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return err
	}
	if err := response.Body.Close(); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s answers with %s", target, response.Status)
	}
	return nil
}
