package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// serveOptions are the options of the command serve.
type serveOptions struct {
	siteFlags
	addr, metrics      string
	socketOwner        socketOwner
	countEvery         time.Duration
	tlsCert, tlsKey    string
	redact, activeOnly bool
	page               bool
	administrator      string
	origins            []string
	credentials        bool
	maxLists           int
	maxWait            time.Duration
	idleConnections    int
	trusted            trustedProxies
	stall              time.Duration
	drain, grace       time.Duration
	logFormat          string
	logLevel           string
}

const serveUsage = `Serves the session list of a Joomla site at /api/v1/user/sessions, to Super Admins
of that site only: with the cookie of their Joomla session, their Joomla API token,
or a token of the cAPI extension. There are also
  /capi/         a page that shows who is logged in, to the same users
  /openapi.yaml  which describes the list
  /healthz       which answers while the program runs
  /readyz        which answers with 200 while the site can be served, else 503

With names, one program serves many sites, each with a guard and a pool of its own,
at /NAME/api/v1/user/sessions and, for requests to the host NAME, at
/api/v1/user/sessions, and likewise the page. The page at /capi/ has all sites that
its reader may see. /NAME/readyz is for one site; /readyz is 200 while any is ready.

Sites do not affect each other. While one cannot be served, because its
configuration.php cannot be read or is wrong, or a server is down, it answers 503
with Retry-After; the log says why, and it is retried. The program follows each
configuration.php and the files that the environment names: changes take effect
within a second, or at once with SIGHUP, and lists that are being sent are finished.
Flags stay as they are. Sites are checked in the background.

With a certificate, it speaks TLS, and reloads the files when they change; otherwise,
put it behind a proxy that speaks TLS. Sockets from systemd replace --addr and, if one
is named metrics, --metrics. It tells systemd when it is ready.

SIGINT and SIGTERM end it after the lists that are being sent; a second one ends it
at once. With --drain, it first keeps serving for a while, with /readyz at 503.
It logs to standard error: each request, who read a list, and failures, each with
the id of the request: that of X-Request-Id, if it is short and plain.
Exit status: 0 told to stop, 1 failed, 2 wrong usage.
` + environmentUsage

const serveExample = `  capi serve --config /var/www/html/configuration.php
  capi serve --config shop.example.org=/srv/shop/configuration.php \
    --config www.example.org=/srv/www/configuration.php --metrics 127.0.0.1:9100`

// newServeCommand returns the command serve. It calls stop so that the next
// signal ends the program at once.
func newServeCommand(stop func()) *cobra.Command {
	var o serveOptions
	c := &cobra.Command{
		Use: "serve --config FILE", Short: "Serve the session list of one site or of many", Long: serveUsage, Example: serveExample,
		Args: atMost(0),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.fromEnvironment(c.Flags()); err != nil {
				return err
			}
			if err := o.validate(); err != nil {
				return err
			}
			return runServe(stop, c, o)
		},
	}
	o.addFlags(c.Flags())
	return c
}

// addFlags adds the flags to c.
func (o *serveOptions) addFlags(c *pflag.FlagSet) {
	o.add(c)
	c.StringVar(&o.addr, "addr", "127.0.0.1:8080", "`address` to serve at: HOST:PORT, with port 0 for any free one, or unix:PATH")
	c.StringVar(&o.metrics, "metrics", "", "`address` to serve /metrics at, in Prometheus' form (default: none)")
	c.DurationVar(&o.countEvery, "metrics-sessions", 15*time.Second, "count sessions at most this often when /metrics is read; 0 for never")
	c.StringVar(&o.socketOwner.mode, "socket-mode", "", "octal `mode` of the Unix sockets, such as 0660 (default: by the umask)")
	c.StringVar(&o.socketOwner.group, "socket-group", "", "`group` of the Unix sockets, by name or number (default: the program's)")
	c.StringVar(&o.tlsCert, "tls-cert", "", "certificate to speak TLS with, a PEM `file` with the chain")
	c.StringVar(&o.tlsKey, "tls-key", "", "private key of the certificate, a PEM `file`")
	c.BoolVar(&o.redact, "redact", false, "mask the secrets inside sessions, and replace session ids by pseudonyms")
	c.BoolVar(&o.activeOnly, "active", false, "leave out sessions that have expired")
	c.BoolVar(&o.page, "page", true, "serve the page that shows who is logged in")
	c.StringVar(&o.administrator, "administrator", "/administrator/", "`address` of Joomla's administrator, to which the page links for logging users out; empty for no link")
	c.BoolVar(&o.tokensOnly, "tokens-only", false, "accept tokens and no cookies; for sites whose sessions cannot be read")
	c.StringArrayVar(&o.origins, "cors-origin", nil, "`origin` whose pages may read the list, such as https://dashboard.example.org; may be "+
		"repeated (default: any, without the site's cookies)")
	c.BoolVar(&o.credentials, "cors-credentials", false, "let pages of those origins use the site's cookies")
	c.IntVar(&o.connections, "connections", 16, "maximum number of connections to each database")
	c.IntVar(&o.idleConnections, "idle-connections", 64, "maximum number of idle database connections of all sites together, each kept for "+
		"at most a minute")
	c.IntVar(&o.maxLists, "max-lists", 0, "maximum number of concurrent lists of a site (default: half of the connections)")
	c.DurationVar(&o.maxWait, "max-wait", 2*time.Second, "how long a list waits while --max-lists are being sent")
	c.DurationVar(&o.stall, "stall", 30*time.Second, "how long a client may take for each part of a list")
	c.DurationVar(&o.drain, "drain", 0, "how long to keep serving after a signal to stop, while /readyz is 503, so that "+
		"a balancer notices first (default: not at all)")
	c.DurationVar(&o.grace, "grace", time.Minute, "how long lists may still take after that")
	c.Func("trusted-proxy", "`CIDR` of proxies whose X-Forwarded-For or Forwarded is trusted for the client's address in the "+
		"log; unix for connections to a Unix socket; may be repeated", o.trusted.add)
	c.StringVar(&o.logFormat, "log-format", "json", "json or text")
	c.StringVar(&o.logLevel, "log-level", "info", "debug, info, warn or error; debug says why requests are refused")
}

// validate reports what is wrong with the options, and sets those that follow
// from others.
func (o *serveOptions) validate() error {
	var err error
	switch {
	case len(o.sites) == 0:
		err = errNoConfig
	case o.connections < 2: // One for a list, and one to authorize other requests.
		err = errors.New("flag --connections must be at least 2")
	case o.maxLists < 0 || o.maxLists >= o.connections:
		err = errors.New("flag --max-lists must be less than --connections, so that others can still be let in")
	case (o.tlsCert == "") != (o.tlsKey == ""):
		err = errors.New("flags --tls-cert and --tls-key go together")
	case o.stall <= 0:
		err = errors.New("flag --stall must be positive")
	case o.countEvery < 0:
		err = errors.New("flag --metrics-sessions must not be negative")
	case o.idleConnections < 0:
		err = errors.New("flag --idle-connections must not be negative")
	case o.maxWait < 0:
		err = errors.New("flag --max-wait must not be negative")
	case o.drain < 0:
		err = errors.New("flag --drain must not be negative")
	case o.credentials && len(o.origins) == 0:
		err = errors.New("flag --cors-credentials needs --cors-origin")
	}
	if _, modeErr := parseMode(cmp.Or(o.socketOwner.mode, "0")); err == nil {
		err = modeErr
	}
	if _, groupErr := parseGroup(cmp.Or(o.socketOwner.group, "0")); err == nil {
		err = groupErr
	}
	if err == nil {
		err = checkAddress("--addr", o.addr)
	}
	if err == nil && o.metrics != "" {
		err = checkAddress("--metrics", o.metrics)
	}
	if _, corsErr := o.cors().Handler(http.NotFoundHandler()); err == nil && corsErr != nil {
		err = fmt.Errorf("flag --cors-origin: %w", corsErr)
	}
	if err != nil {
		return err
	}
	o.maxLists = cmp.Or(o.maxLists, o.connections/2)
	return nil
}

// runServe is the command serve.
func runServe(stop func(), c *cobra.Command, o serveOptions) error {
	logger, err := newLogger(c.ErrOrStderr(), o.logFormat, o.logLevel)
	if err != nil {
		return err
	}
	logEverything(logger)
	// Make a crash end with a signal, not with status 2, which is wrong usage,
	// so that systemd restarts the program.
	debug.SetTraceback("crash")
	for _, note := range unknownVariables(o.sites) {
		logger.Warn(note)
	}
	// SIGHUP must not end the program, even while it starts.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	defer signal.Stop(signals)
	if err := serve(c.Context(), stop, signals, o, logger); err != nil {
		for _, problem := range problems(err) {
			logger.Error("failed", "error", problem.Error())
		}
		return exitError(exitFailed)
	}
	logger.Info("stopped")
	return nil
}

// serve serves the sites until ctx ends, and then calls stop, keeps serving for
// the time of --drain, and finishes the answers that are being sent. On each of
// signals, it reads the sites' configurations.
func serve(ctx context.Context, stop func(), signals <-chan os.Signal, o serveOptions, logger *slog.Logger) (err error) {
	sites, err := follow(o, logger)
	if err != nil {
		return err
	}
	for _, s := range sites {
		defer func() { err = errors.Join(err, s.shutdown()) }()
	}
	defer watch(sites, signals, logger)()
	waitChecked(ctx, sites)
	router, err := newRouter(ctx, sites, o, logger)
	if err != nil {
		return err
	}
	metrics := newMetrics(sites, o.countEvery)
	servers, err := newServers(ctx, o, sendAway(ctx, observe(router, metrics, o.trusted, logger)), metrics.handler(), logger)
	if err != nil {
		return err
	}
	return servers.run(ctx, stop, o.drain, o.grace)
}
