package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// writeCertificate writes a certificate with a serial number and a modification
// time.
func writeCertificate(t *testing.T, certPath, keyPath string, serial int64, written time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	for path, block := range map[string]*pem.Block{
		certPath: {Type: "CERTIFICATE", Bytes: cert}, keyPath: {Type: "PRIVATE KEY", Bytes: private},
	} {
		require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(block), 0o600))
		require.NoError(t, os.Chtimes(path, written, written))
	}
}

func TestCertificateFile(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	certPath, keyPath := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	_, err := openCertificate(certPath, keyPath)
	require.ErrorIs(t, err, os.ErrNotExist)

	writeCertificate(t, certPath, keyPath, 1, now.Add(-time.Minute))
	file, err := openCertificate(certPath, keyPath)
	require.NoError(t, err)
	serial := func() int64 {
		certificate, err := file.get(nil)
		require.NoError(t, err)
		return certificate.Leaf.SerialNumber.Int64()
	}
	require.EqualValues(t, 1, serial())

	writeCertificate(t, certPath, filepath.Join(dir, "other.pem"), 2, now)
	assert.EqualValues(t, 1, serial(), "the key does not fit yet")
	writeCertificate(t, certPath, keyPath, 3, now.Add(time.Minute))
	assert.EqualValues(t, 3, serial())
	require.NoError(t, os.Remove(keyPath))
	assert.EqualValues(t, 3, serial(), "it has what it had")
}
