// Joomla is the program that an operator runs beside a Joomla site: it reads the site's configuration.php, opens its
// database, and serves its session list to those whom Joomla itself takes for Super Admins, by cookie or token.
//
//	go run ./joomla -config /var/www/site/configuration.php -listen :8080
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
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/capi-go/capi"
)

// What the program exits with.
const (
	exitOK     = 0 // It was told to stop, and all answers were finished.
	exitFailed = 1 // It could not serve, or not finish.
	exitUsage  = 2 // It was started in a way that makes no sense.
)

func main() { os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr)) }

// options are what the command line says.
type options struct {
	config      string
	listen      string
	redact      bool
	activeOnly  bool
	origins     []string
	credentials bool
	connections int
	grace       time.Duration
}

const usage = `Usage: joomla -config FILE [-listen ADDRESS] [flags]

Serves the session list of a Joomla site at /api/v1/user/sessions, to Super Admins of the site only: with the cookie of
their Joomla session, their Joomla API token, or a token of the cAPI extension. It serves plain HTTP, and belongs behind
a proxy that speaks TLS. Beside the list there are /healthz, which tells whether the database answers, and
/openapi.yaml, which describes the list.

SIGINT and SIGTERM end it after the lists that are being sent; a second one ends it at once. It logs to standard error,
in JSON. It exits with 0 if it was told to stop, 1 if it failed, and 2 if it was started wrongly.

Flags:
`

// parse reads the command line. Its errors are flag.ErrHelp if usage was asked for, or have been printed.
func parse(args []string, stdout, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("joomla", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {}
	flags.StringVar(&o.config, "config", "", "configuration.php of the site, a `file`")
	flags.StringVar(&o.listen, "listen", "127.0.0.1:8080", "`address` to serve at; port 0 takes any that is free")
	flags.BoolVar(&o.redact, "redact", false, "mask the secrets inside sessions, and replace session ids by pseudonyms")
	flags.BoolVar(&o.activeOnly, "active-only", false, "leave out sessions that have expired")
	flags.Func("cors-origin", "`origin` whose pages may read the list, such as https://dashboard.example.org; may be repeated\n"+
		"(default: any, without the site's cookies)", func(origin string) error {
		o.origins = append(o.origins, origin)
		return nil
	})
	flags.BoolVar(&o.credentials, "cors-credentials", false, "let pages of those origins use the site's cookies")
	flags.IntVar(&o.connections, "connections", 16, "how many database connections to use at most")
	flags.DurationVar(&o.grace, "grace", time.Minute, "how long lists may still take once the program is told to stop")

	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		flags.SetOutput(stdout)
		fmt.Fprint(stdout, usage)
		flags.PrintDefaults()
		return o, err
	case err != nil: // Which flags has printed.
	case flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
		fmt.Fprintln(stderr, err)
	case o.config == "":
		err = errors.New("flag -config is missing")
		fmt.Fprintln(stderr, err)
	case o.connections < 2: // One for a list, and one to find out who asks for another.
		err = errors.New("flag -connections must be at least 2")
		fmt.Fprintln(stderr, err)
	}
	if err != nil {
		fmt.Fprintln(stderr, "Try joomla -h.")
	}
	return o, err
}

// run is the program. It serves until it is told to stop or ctx ends.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stdout, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return exitOK
	}
	if err != nil {
		return exitUsage
	}
	logger := slog.New(slog.NewJSONHandler(stderr, nil))
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, stop, o, logger); err != nil {
		logger.Error("failed", "error", err.Error())
		return exitFailed
	}
	logger.Info("stopped")
	return exitOK
}

// serve serves the site until ctx ends, and then calls stop and finishes what is being sent.
func serve(ctx context.Context, stop func(), o options, logger *slog.Logger) (err error) {
	config, err := capi.LoadSiteConfig(o.config)
	if err != nil {
		return err
	}
	db, err := openDatabase(config, o.connections, logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	site, err := capi.NewSite(db, config)
	if err != nil {
		return err
	}
	// Failing here shows a wrong password now, rather than to the first who asks.
	if err := ping(ctx, db); err != nil {
		return fmt.Errorf("reaching the database: %w", err)
	}
	handler, err := newHandler(db, site, config, o, logger)
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.listen)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      30 * time.Second, // The list has a deadline of its own for each of its parts.
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	logger.Info("serving", "url", "http://"+hostPort(listener.Addr()), "database", config.DBType, "prefix", config.DBPrefix)

	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	stop() // Whoever signals twice does not want to wait.
	logger.Info("stopping", "grace", o.grace.String())
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.grace)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		err = errors.Join(fmt.Errorf("finishing the last answers: %w", err), server.Close())
		<-served
		return err
	}
	<-served // Always http.ErrServerClosed.
	return nil
}

// hostPort returns an address that a client on this machine can use.
func hostPort(addr net.Addr) string {
	if tcp, ok := addr.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return fmt.Sprintf("127.0.0.1:%d", tcp.Port)
	}
	return addr.String()
}
