package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
)

// firstActivated is the first file descriptor that systemd passes
// (SD_LISTEN_FDS_START).
const firstActivated = 3

// activated returns the sockets that systemd opened for this process, by name
// (FileDescriptorName=), as sd_listen_fds_with_names does. The name is empty
// except for metricsSocket.
func activated() (map[string]net.Listener, error) {
	if os.Getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		return nil, nil
	}
	count, err := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	if err != nil || count < 0 {
		return nil, errors.New("malformed LISTEN_FDS")
	}
	var names []string
	if text := os.Getenv("LISTEN_FDNAMES"); text != "" {
		names = strings.Split(text, ":")
	}
	listeners := map[string]net.Listener{}
	for i := range count {
		name := ""
		if i < len(names) && names[i] == metricsSocket {
			name = metricsSocket
		}
		if listeners[name] != nil {
			return nil, errors.New("systemd passed more than one socket to serve at, or more than one named metrics")
		}
		file := os.NewFile(uintptr(firstActivated+i), name)
		listener, err := net.FileListener(file)
		if err := errors.Join(err, file.Close()); err != nil { // The listener has a copy.
			return nil, fmt.Errorf("taking over a socket of systemd: %w", err)
		}
		listeners[name] = listener
	}
	return listeners, nil
}

// metricsSocket is the name of the socket for metrics.
const metricsSocket = "metrics"

// notify tells systemd of a state of this process, such as READY=1, as
// sd_notify does. It does nothing where nobody listens.
func notify(state string) error {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return nil
	}
	conn, err := net.Dial("unixgram", path) // Which knows abstract sockets by their @ too.
	if err != nil {
		return fmt.Errorf("telling systemd: %w", err)
	}
	_, err = conn.Write([]byte(state))
	return errors.Join(err, conn.Close())
}
