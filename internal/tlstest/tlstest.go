// Package tlstest makes certificates for servers that tests start. It is for
// tests.
package tlstest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A Certificate is a certificate with its key, and the files of both.
type Certificate struct {
	*x509.Certificate
	Key               *ecdsa.PrivateKey
	CertFile, KeyFile string
}

// New makes a certificate in dir for 127.0.0.1, signed by by or, if that is
// nil, as an authority of its own. It is valid for an hour.
func New(t testing.TB, dir, name string, by *Certificate) *Certificate {
	t.Helper()
	ok := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal("making a certificate: ", err)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ok(err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true}
	c := &Certificate{Key: key, CertFile: filepath.Join(dir, name+".pem"), KeyFile: filepath.Join(dir, name+".key")}
	if by == nil {
		template.IsCA, template.KeyUsage = true, x509.KeyUsageCertSign
		by = &Certificate{Certificate: template, Key: key}
	} else {
		template.SerialNumber, template.IPAddresses = big.NewInt(2), []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.Certificate, &key.PublicKey, by.Key)
	ok(err)
	c.Certificate, err = x509.ParseCertificate(der)
	ok(err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	ok(err)
	ok(os.WriteFile(c.CertFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644))
	ok(os.WriteFile(c.KeyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
	return c
}
