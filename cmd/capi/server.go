package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// servers are the HTTP servers of the program: for the lists, and for the metrics
// if there are any.
type servers struct {
	all    []*http.Server
	listen []net.Listener
	logger *slog.Logger
}

// newServers opens the addresses of o for handler and metrics.
func newServers(ctx context.Context, o serveOptions, handler, metrics http.Handler, logger *slog.Logger) (_ *servers, err error) {
	s := &servers{logger: logger}
	given, err := activated()
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if err != nil {
		return nil, err
	}
	var encryption *tls.Config
	if o.tlsCert != "" {
		certificate, err := openCertificate(o.tlsCert, o.tlsKey)
		if err != nil {
			return nil, err
		}
		encryption = &tls.Config{GetCertificate: certificate.get, NextProtos: []string{"h2", "http/1.1"}}
	}
	open := func(socket, flag, address, path string, handler http.Handler, encryption *tls.Config) error {
		listener := given[socket]
		if listener == nil {
			if address == "" {
				return nil
			}
			var err error
			if listener, err = listen(ctx, flag, address, o.socketOwner); err != nil {
				return err
			}
		}
		logger.Info("serving", "url", serverURL(listener, encryption != nil)+path)
		if encryption != nil {
			listener = tls.NewListener(listener, encryption)
		}
		s.listen = append(s.listen, listener)
		s.all = append(s.all, &http.Server{
			Handler:           handler,
			TLSConfig:         encryption,
			ReadHeaderTimeout: 10 * time.Second,
			ReadTimeout:       30 * time.Second,
			// Lists wait for their turn, and then set their own deadline for each
			// part.
			WriteTimeout:   o.maxWait + 30*time.Second,
			IdleTimeout:    2 * time.Minute,
			MaxHeaderBytes: 64 << 10,
			ErrorLog:       log.New(serverLog{logger}, "", 0),
		})
		return nil
	}
	// Metrics first: once the address of the lists is logged, both are served.
	if err := open(metricsSocket, "--metrics", o.metrics, "/metrics", metrics, nil); err != nil {
		return nil, err
	}
	if err := open("", "--addr", o.addr, "", handler, encryption); err != nil {
		return nil, err
	}
	return s, nil
}

// close closes the listeners of servers that do not run yet.
func (s *servers) close() {
	for _, listener := range s.listen {
		_ = listener.Close()
	}
}

// notify tells systemd of a state. Who is served does not depend on that.
func (s *servers) notify(state string) {
	if err := notify(state); err != nil {
		s.logger.Warn("systemd was not told", "error", err.Error())
	}
}

// run serves until ctx ends. It then calls stop, goes on for drain, and gives the
// last answers grace to finish.
func (s *servers) run(ctx context.Context, stop func(), drain, grace time.Duration) error {
	served := make(chan error, len(s.all))
	for i, server := range s.all {
		go func() { served <- server.Serve(s.listen[i]) }()
	}
	s.notify("READY=1")
	running := len(s.all)
	var err error
	select {
	case err = <-served:
		running--
	case <-ctx.Done():
		stop() // A second signal ends the program at once.
		s.logger.Info("stopping", "drain", drain.String(), "grace", grace.String())
		s.notify("STOPPING=1")
		select {
		case err = <-served:
			running--
		case <-time.After(drain):
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	for i := len(s.all) - 1; i >= 0; i-- { // The metrics last.
		if shutdownErr := s.all[i].Shutdown(ctx); shutdownErr != nil {
			err = errors.Join(err, fmt.Errorf("finishing the last answers: %w", shutdownErr), s.all[i].Close())
		}
	}
	for range running {
		<-served // Always http.ErrServerClosed.
	}
	return err
}
