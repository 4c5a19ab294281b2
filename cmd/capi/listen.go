package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
)

// listen listens at an address: host:port, or unix: and the path of a socket.
// Errors name flag, which gave the address.
func listen(ctx context.Context, flag, address string) (net.Listener, error) {
	network := "tcp"
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		network, address = "unix", path
		if err := removeStale(ctx, path); err != nil {
			return nil, fmt.Errorf("%s: %w", flag, err)
		}
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, network, address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s: another program serves at %s: stop it, or choose another address", flag, address)
	case errors.Is(err, fs.ErrPermission) && network == "tcp":
		return nil, fmt.Errorf("%s: %s needs privileges: choose a port from 1024 on, or let systemd open it: %w", flag, address, err)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	return listener, nil
}

// removeStale removes the socket at path if no program listens there.
func removeStale(ctx context.Context, path string) error {
	if !isSocket(path) {
		return nil // Anything else is not ours to remove; listening fails.
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
	if err == nil {
		return errors.Join(fmt.Errorf("another program serves at %s: stop it, or choose another address", path), conn.Close())
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return os.Remove(path)
	}
	return nil
}

// serverURL returns the URL that a client on this machine can use.
func serverURL(listener net.Listener, encrypted bool) string {
	address := listener.Addr()
	if address.Network() == "unix" {
		return "unix:" + address.String()
	}
	scheme, host := "http", address.String()
	if encrypted {
		scheme = "https"
	}
	if tcp, ok := address.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		host = fmt.Sprintf("127.0.0.1:%d", tcp.Port)
	}
	return scheme + "://" + host
}
