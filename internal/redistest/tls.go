package redistest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"strconv"
	"testing"
	"time"
)

// StartTLS does what Start does, for a redis-server that speaks only TLS. It also returns
// a configuration that trusts the server.
func StartTLS(t testing.TB, args ...string) (addr string, cfg *tls.Config) {
	t.Helper()
	program := findProgram(t)
	dir := t.TempDir()
	cert, key, pool := certificate(t)
	for name, data := range map[string][]byte{"cert.pem": cert, "key.pem": key} {
		if err := os.WriteFile(dir+"/"+name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg = &tls.Config{RootCAs: pool, ServerName: "localhost", MinVersion: tls.VersionTLS12}
	ready := func(addr string) bool {
		conn, err := tls.Dial("tcp", addr, cfg)
		return err == nil && conn.Close() == nil
	}
	var err error
	for range 5 {
		var port int
		if port, err = freePort(0); err != nil {
			continue
		}
		var p *process
		p, err = run(t, program, port, append([]string{"--port", "0", "--tls-port", strconv.Itoa(port), "--tls-cert-file", dir + "/cert.pem",
			"--tls-key-file", dir + "/key.pem", "--tls-ca-cert-file", dir + "/cert.pem", "--tls-auth-clients", "no"}, args...), ready)
		if err == nil {
			return p.addr, cfg
		}
	}
	t.Fatalf("redis-server: %v", err)
	return "", nil
}

// certificate returns a self-signed certificate of localhost, its key, and a pool that
// trusts it. It is valid for an hour.
func certificate(t testing.TB) (cert, key []byte, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	key = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM(cert)
	return cert, key, pool
}
