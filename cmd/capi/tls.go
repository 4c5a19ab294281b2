package main

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"
)

// A certificateFile is a certificate and its key in two files. It reads them
// again when they are replaced by new ones.
type certificateFile struct {
	certPath, keyPath string

	mu      sync.Mutex
	written [2]time.Time
	current *tls.Certificate
}

// openCertificate reads the files.
func openCertificate(certPath, keyPath string) (*certificateFile, error) {
	c := &certificateFile{certPath: certPath, keyPath: keyPath}
	_, err := c.get(nil)
	return c, err
}

// get implements [tls.Config.GetCertificate]. While the files cannot be used,
// such as when only one of them is new, it returns the last certificate.
func (c *certificateFile) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.read()
	if err != nil && c.current == nil {
		return nil, fmt.Errorf("reading the certificate (--tls-cert, --tls-key): %w", err)
	}
	return c.current, nil
}

// read reads the files if they have changed.
func (c *certificateFile) read() error {
	var written [2]time.Time
	for i, path := range []string{c.certPath, c.keyPath} {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		written[i] = info.ModTime()
	}
	if written == c.written && c.current != nil {
		return nil
	}
	certificate, err := tls.LoadX509KeyPair(c.certPath, c.keyPath)
	if err != nil {
		return err
	}
	c.written, c.current = written, &certificate
	return nil
}
