package integration_test

import (
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"
)

// A proxy is between a pool of connections and a database server, and breaks
// connections.
type proxy struct {
	listener net.Listener
	target   string
	running  sync.WaitGroup

	mutex       sync.Mutex
	connections map[net.Conn]struct{}
	left        int64         // how many more bytes from the server pass; negative for all
	held        chan struct{} // if not nil, nothing from the server passes until it is closed
}

// withProxy returns d behind a proxy, which the end of the test closes.
func withProxy(t testing.TB, d database) (database, *proxy) {
	t.Helper()
	p := &proxy{left: -1, connections: map[net.Conn]struct{}{}}
	var err error
	p.listener, err = net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := p.listener.Addr().String()
	if d.driver == "mysql" {
		config, err := mysql.ParseDSN(d.dsn)
		require.NoError(t, err)
		p.target, config.Addr = config.Addr, address
		d.dsn = config.FormatDSN()
	} else {
		dsn, err := url.Parse(d.dsn)
		require.NoError(t, err)
		p.target, dsn.Host = dsn.Host, address
		d.dsn = dsn.String()
	}
	p.running.Go(p.accept)
	t.Cleanup(func() {
		p.release()
		_ = p.listener.Close()
		p.cut()
		p.running.Wait()
	})
	return d, p
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		network := "tcp"
		if strings.HasPrefix(p.target, "/") {
			network = "unix"
		}
		server, err := net.Dial(network, p.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.mutex.Lock()
		p.connections[client], p.connections[server] = struct{}{}, struct{}{}
		p.mutex.Unlock()
		p.running.Go(func() { p.pass(server, client, false) })
		p.running.Go(func() { p.pass(client, server, true) })
	}
}

// pass copies from one connection to another until one of them ends, and then
// closes both.
func (p *proxy) pass(to, from net.Conn, ofServer bool) {
	defer func() {
		_, _ = to.Close(), from.Close()
		p.mutex.Lock()
		defer p.mutex.Unlock()
		delete(p.connections, to)
		delete(p.connections, from)
	}()
	buffer := make([]byte, 16<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		allowed := n
		if ofServer {
			allowed = p.allow(n)
		}
		if _, err := to.Write(buffer[:allowed]); err != nil || allowed < n {
			return
		}
	}
}

// allow returns how many of n bytes from the server may pass, as soon as they
// may.
func (p *proxy) allow(n int) int {
	p.mutex.Lock()
	held := p.held
	p.mutex.Unlock()
	if held != nil {
		<-held
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.left < 0 {
		return n
	}
	n = int(min(int64(n), p.left))
	p.left -= int64(n)
	return n
}

// cutAfter lets n more bytes from the server pass. It cuts the connection that
// has more, and every later one.
func (p *proxy) cutAfter(n int64) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.left = n
}

// heal lets everything pass again.
func (p *proxy) heal() { p.cutAfter(-1) }

// hold holds back the bytes of the server.
func (p *proxy) hold() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.held = make(chan struct{})
}

// release ends hold.
func (p *proxy) release() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.held != nil {
		close(p.held)
		p.held = nil
	}
}

// cut cuts all connections.
func (p *proxy) cut() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for connection := range p.connections {
		_ = connection.Close()
	}
}

// count returns how many bytes from the server pass while during runs.
func (p *proxy) count(during func()) int64 {
	const many = 1 << 50
	p.cutAfter(many)
	defer p.heal()
	during()
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return many - p.left
}
