package main

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"
)

// A certificateFile is a certificate with its key in two files. Whoever renews
// it replaces them, and it is read anew.
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

// get is a [tls.Config.GetCertificate]. While the files cannot be used, as
// between the writing of one and of the other, it returns what it has.
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
