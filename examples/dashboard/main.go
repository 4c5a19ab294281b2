// Command dashboard shows in a browser who is logged in to a Joomla site. It makes a small site of its own to show, in
// SQLite, and prints the address to open.
//
//	go run ./dashboard
//
// For a site of yours, give newDashboard a Store and an Authorizer of it, as the program capi makes them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/examples/internal/site"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8090", "`address` to serve at; port 0 takes any that is free")
	sessions := flag.Int("sessions", 484, "how many sessions to make up, besides those of real users")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout, *addr, *sessions); err != nil {
		slog.Error("dashboard: " + err.Error())
		stop()
		os.Exit(1)
	}
}

// run serves the dashboard until ctx ends.
func run(ctx context.Context, out io.Writer, addr string, sessions int) (err error) {
	demo, err := site.OpenTemporary(ctx, sessions)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, demo.Close()) }()

	joomla, err := capi.NewSite(demo.DB, demo.Config)
	if err != nil {
		return err
	}
	cookies, err := capi.NewSessionAuthorizer(joomla)
	if err != nil {
		return err
	}
	auth := capi.AnyOf(capi.NewAPITokenAuthorizer(joomla), cookies)
	handler, err := newDashboard(capi.NewSQLStore(joomla), auth, slog.Default())
	if err != nil {
		return err
	}

	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	for _, user := range []struct {
		site.User
		who string
	}{{demo.Admin, "a Super Admin"}, {demo.Denied, "who is refused"}} {
		// What comes after the # is not sent by browsers; the page takes the token from there.
		address := url.URL{Scheme: "http", Host: listener.Addr().String(), Path: "/"}
		fmt.Fprintf(out, "As %s, %s:\n  %s#token=%s\n", user.Username, user.who, &address, url.QueryEscape(user.APIToken))
	}
	fmt.Fprintln(out, "Serving until interrupted.")

	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		return err
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
