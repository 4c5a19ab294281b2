package integration_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime/metrics"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/internal/joomlatest"
)

// payloadSize is the length of the data of a session in benchmarks.
const payloadSize = 2048

// payloads are the two ways in which Joomla has stored sessions: as PHP's
// serializer writes them, where one byte in eight is escaped in JSON, and since
// 3.4.7 as base64 of that.
var payloads = map[string]func(random *rand.ChaCha8) string{
	"serialized": func(random *rand.ChaCha8) string {
		const agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/37.0.2062.120"
		var b strings.Builder
		fmt.Fprintf(&b, `__default|a:8:{s:15:"session.counter";i:%d;s:22:"session.client.browser";s:%d:"%s";`,
			random.Uint64()%100, len(agent), agent)
		for i := 0; b.Len() < payloadSize; i++ {
			fmt.Fprintf(&b, `s:8:"registry";O:24:"Joomla\Registry\Registry":2:{s:7:"\0\0\0data";O:8:"stdClass":1:{`+
				`s:11:"application";O:8:"stdClass":1:{s:4:"lang";s:5:"en-GB";}}s:13:"session.token";s:32:"%032x";}`, random.Uint64())
		}
		return b.String()[:payloadSize]
	},
	"base64": func(random *rand.ChaCha8) string {
		raw := make([]byte, payloadSize)
		random.Read(raw)
		text := base64.StdEncoding.EncodeToString(raw)
		return fmt.Sprintf(`joomla|s:%d:"%s";`, payloadSize-18, text[:payloadSize-18])
	},
}

// benchmarkSite makes a site with the given number of sessions, the same in
// every run.
func benchmarkSite(b *testing.B, d database, payload string, rows int) *site {
	b.Helper()
	s := emptySite(b, d, joomlatest.Joomla42)
	random := rand.NewChaCha8(sha256.Sum256([]byte(payload)))
	sessions := make([]row, rows)
	for i := range sessions {
		sessions[i] = row{
			"session_id": fmt.Sprintf("%026x", random.Uint64()), "client_id": i % 2, "guest": i % 3 / 2, "time": s.Now - int64(i%900),
			"data": payloads[payload](random), "userid": i, "username": fmt.Sprintf("user%d", i),
		}
	}
	s.Insert(b, "session", sessions...)
	if d.name == "postgresql" {
		s.Exec(b, `VACUUM ANALYZE "#__session"`)
	}
	return s
}

const listQuery = `SELECT "session_id", "client_id", "guest", "time", "data", "userid", "username" FROM "#__session"`

// readRaw hands the rows of the list to each, scanned without a copy.
func readRaw(ctx context.Context, s *site, each func(columns []sql.RawBytes)) error {
	rows, err := s.DB.QueryContext(ctx, s.SQL(listQuery))
	if err != nil {
		return err
	}
	defer rows.Close()
	var columns [7]sql.RawBytes
	for rows.Next() {
		if err := rows.Scan(&columns[0], &columns[1], &columns[2], &columns[3], &columns[4], &columns[5], &columns[6]); err != nil {
			return err
		}
		each(columns[:])
	}
	return rows.Err()
}

// copied is the limit of HTTP: it sends the rows of the list as the driver
// returns them.
func copied(s *site) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		out := bufio.NewWriterSize(w, 64<<10)
		err := readRaw(r.Context(), s, func(columns []sql.RawBytes) {
			for _, column := range columns {
				_, _ = out.Write(column) // Flush returns the error.
			}
		})
		if err != nil || out.Flush() != nil {
			panic(http.ErrAbortHandler)
		}
	}
}

// naive is the handler that people would write.
func naive(s *site) http.HandlerFunc {
	type session struct {
		ID       string  `json:"session_id"`
		ClientID *string `json:"client_id"`
		Guest    string  `json:"guest"`
		Time     string  `json:"time"`
		Data     *string `json:"data"`
		UserID   string  `json:"userid"`
		Username string  `json:"username"`
	}
	type envelope struct {
		Msg    []session `json:"msg"`
		Error  bool      `json:"error"`
		Status int       `json:"status"`
	}
	return func(w http.ResponseWriter, r *http.Request) {
		rows, err := s.DB.QueryContext(r.Context(), s.SQL(listQuery))
		if err != nil {
			http.Error(w, "", http.StatusInternalServerError)
			return
		}
		defer rows.Close()
		var list []session
		for rows.Next() {
			var v session
			if err := rows.Scan(&v.ID, &v.ClientID, &v.Guest, &v.Time, &v.Data, &v.UserID, &v.Username); err != nil {
				http.Error(w, "", http.StatusInternalServerError)
				return
			}
			list = append(list, v)
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(envelope{list, rows.Err() != nil, http.StatusOK})
	}
}

// BenchmarkList reads the list of a real database over real HTTP. It compares
// with reading the rows and dropping them, with sending them as they are, and
// with the handler that people would write. MB/s count the rows in the
// database, not the bytes on the wire.
func BenchmarkList(b *testing.B) {
	for _, d := range databases() {
		benchmarkList(b, d, d.name)
	}
	benchmarkList(b, bufferedMariaDB(), "mariadb-buffered")
}

func benchmarkList(b *testing.B, d database, name string) {
	for _, payload := range []string{"serialized", "base64"} {
		for _, rows := range []int{10, 1000, 10_000, 100_000} {
			b.Run(fmt.Sprintf("db=%s/data=%s/rows=%d", name, payload, rows), func(b *testing.B) {
				s := benchmarkSite(b, d, payload, rows)
				size := int64(rows) * (payloadSize + 50)
				b.Run("impl=raw", func(b *testing.B) {
					b.SetBytes(size)
					for b.Loop() {
						n := 0
						require.NoError(b, readRaw(b.Context(), s, func([]sql.RawBytes) { n++ }))
						require.Equal(b, rows, n)
					}
				})
				b.Run("impl=copy", func(b *testing.B) { benchmarkGet(b, copied(s), size) })
				b.Run("impl=capi", func(b *testing.B) {
					benchmarkGet(b, capi.NewHandler(capi.NewSQLStore(s.capi(b, nil)), anyone), size)
				})
				b.Run("impl=naive", func(b *testing.B) { benchmarkGet(b, naive(s), size) })
			})
		}
	}
}

// bufferedMariaDB is MariaDB with connections that are read through a buffer,
// as in cmd/capi. The driver itself reads 4 KB at a time.
func bufferedMariaDB() database {
	mysql.RegisterDialContext("buffered", func(ctx context.Context, address string) (net.Conn, error) {
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, "tcp", address)
		if err != nil {
			return nil, err
		}
		return bufferedConn{conn, bufio.NewReaderSize(conn, 256<<10)}, nil
	})
	d := mariaDB()
	d.dsn = strings.Replace(d.dsn, "tcp(", "buffered(", 1)
	return d
}

type bufferedConn struct {
	net.Conn
	reader *bufio.Reader
}

func (c bufferedConn) Read(p []byte) (int, error) { return c.reader.Read(p) }

// benchmarkGet reads the handler's answer over loopback, and reports the time
// and the peak of the heap.
func benchmarkGet(b *testing.B, handler http.Handler, size int64) {
	server := httptest.NewServer(handler)
	defer server.Close()
	var peak atomic.Uint64
	done := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		ticker := time.NewTicker(5 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				metrics.Read(sample)
				peak.Store(max(peak.Load(), sample[0].Value.Uint64()))
			}
		}
	}()
	buffer := make([]byte, 256<<10)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		response, err := server.Client().Get(server.URL)
		require.NoError(b, err)
		n, err := io.CopyBuffer(writerOnly{io.Discard}, readerOnly{response.Body}, buffer)
		require.NoError(b, err)
		require.Equal(b, http.StatusOK, response.StatusCode)
		require.Greater(b, n, size/2)
		require.NoError(b, response.Body.Close())
	}
	close(done)
	<-stopped
	b.ReportMetric(float64(peak.Load())/(1<<20), "peak-MiB")
}

// writerOnly and readerOnly make io.CopyBuffer use its buffer.
type (
	writerOnly struct{ io.Writer }
	readerOnly struct{ io.Reader }
)
