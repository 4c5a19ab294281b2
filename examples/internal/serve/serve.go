// Package serve runs a handler until the program is interrupted, for the
// examples whose subject is something else.
package serve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Grace is how long unfinished answers may still take after the program was
// interrupted.
const Grace = 30 * time.Second

// Run serves handler at addr until the program is interrupted or ctx ends, and
// then finishes the answers that are being sent. When it serves, it calls ready
// with the address, such as "http://127.0.0.1:8080".
func Run(ctx context.Context, addr string, handler http.Handler, ready func(url string)) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // The second interrupt ends the program at once.

	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	ready("http://" + listener.Addr().String())

	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), Grace)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		err = errors.Join(fmt.Errorf("finishing the last answers: %w", err), server.Close())
		<-served
		return err
	}
	<-served // Always http.ErrServerClosed.
	return nil
}
