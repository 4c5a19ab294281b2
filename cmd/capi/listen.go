package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"
)

// A socketOwner says who may connect to Unix sockets.
type socketOwner struct {
	mode  string // octal, or empty for what the umask leaves
	group string // a name or number, or empty for that of the program
}

// apply sets mode and group of the socket at path.
func (o socketOwner) apply(path string) error {
	if o.group != "" {
		gid, err := parseGroup(o.group)
		if err != nil {
			return err
		}
		if err := os.Chown(path, -1, gid); err != nil {
			return fmt.Errorf("--socket-group: %w", err)
		}
	}
	if o.mode != "" {
		mode, err := parseMode(o.mode)
		if err != nil {
			return err
		}
		if err := os.Chmod(path, mode); err != nil {
			return fmt.Errorf("--socket-mode: %w", err)
		}
	}
	return nil
}

// parseMode returns the rights that octal digits say.
func parseMode(text string) (fs.FileMode, error) {
	mode, err := strconv.ParseUint(text, 8, 9)
	if err != nil {
		return 0, fmt.Errorf("flag --socket-mode must be octal, such as 0660: %q", text)
	}
	return fs.FileMode(mode), nil
}

// parseGroup returns the number of a group, which is its name or number.
func parseGroup(text string) (int, error) {
	number := text
	if group, err := user.LookupGroup(text); err == nil {
		number = group.Gid
	}
	gid, err := strconv.ParseUint(number, 10, 31)
	if err != nil {
		return 0, fmt.Errorf("flag --socket-group: no group %q on this machine", text)
	}
	return int(gid), nil
}

// checkAddress returns what is wrong with an address for listen.
func checkAddress(flag, address string) error {
	if path, ok := strings.CutPrefix(address, "unix:"); ok && path != "" {
		return nil
	}
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if err != nil || strings.HasPrefix(address, "unix:") {
		return fmt.Errorf("flag %s must be HOST:PORT or unix:PATH: %q", flag, address)
	}
	return nil
}

// listen listens at an address: host:port, or unix: and the path of a socket,
// which owner may connect to. Errors name flag, which gave the address.
func listen(ctx context.Context, flag, address string, owner socketOwner) (net.Listener, error) {
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
	if network == "unix" {
		if err := owner.apply(address); err != nil {
			return nil, errors.Join(err, listener.Close())
		}
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
