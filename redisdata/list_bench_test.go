package redisdata_test

import (
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime/metrics"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/internal/joomlatest"
	"github.com/capi-go/capi/redisdata"
)

// The cost of a list of sessions of 2 KB over HTTP, with rows of MariaDB filled
// from Redis and from Redis only, compared with go-redis reading the same keys
// and dropping them.
func BenchmarkList(b *testing.B) {
	own := ownServer(b)
	client := own.client()
	defer client.Close()
	data := redisdata.New(client)
	dsn := os.Getenv("CAPI_MYSQL_DSN")
	if dsn == "" {
		dsn = "root@tcp(127.0.0.1:3306)/test"
	}
	db, err := sql.Open("mysql", dsn)
	require.NoError(b, err)
	defer db.Close()
	sizes := []int{10_000}
	if os.Getenv("CAPI_LONG") != "" {
		sizes = append(sizes, 100_000, 500_000)
	}
	for _, n := range sizes {
		b.Run(fmt.Sprintf("sessions=%d", n), func(b *testing.B) {
			tables := joomlatest.NewSite(b, db, joomlatest.MySQL, joomlatest.Joomla42, emptyRecording())
			site, err := capi.SiteOptions{SessionData: data}.NewSite(db, capi.SiteConfig{
				DBType: "mysqli", DBPrefix: tables.Prefix, Secret: capi.NewSecret("secret"), SessionHandler: "redis"})
			require.NoError(b, err)
			fill(b, client, "jfw", tables, n, 2000)
			b.Run("from=go-redis", func(b *testing.B) { measure(b, n, func() { readAlone(b, client, n) }) })
			for name, store := range map[string]capi.Store{"SQLStore": capi.NewSQLStore(site), "Store": redisdata.NewStore(data)} {
				service := serve(b, store, anyone)
				b.Run("from="+name, func(b *testing.B) {
					var sent int64
					measure(b, n, func() {
						response, err := http.Get(service.URL)
						require.NoError(b, err)
						size, err := io.Copy(io.Discard, response.Body)
						require.NoError(b, err)
						require.Greater(b, size, int64(2000*n))
						require.NoError(b, response.Body.Close())
						sent = size
					})
					b.ReportMetric(float64(sent)/float64(n), "B/session")
				})
			}
		})
	}
}

// readAlone reads the keys of n sessions, and drops them.
func readAlone(b *testing.B, client *redis.Client, n int) {
	keys := make([]string, 0, 256)
	for i := range n {
		if keys = append(keys, fmt.Sprintf("jfwsession%08d", i)); len(keys) == cap(keys) || i == n-1 {
			values, err := client.MGet(b.Context(), keys...).Result()
			require.NoError(b, err)
			require.NotNil(b, values[len(keys)-1])
			keys = keys[:0]
		}
	}
}

// measure runs read, and reports the time per session and the peak of the heap.
func measure(b *testing.B, n int, read func()) {
	stop, peak := make(chan struct{}), make(chan uint64)
	go func() {
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for most := uint64(0); ; {
			metrics.Read(sample)
			most = max(most, sample[0].Value.Uint64())
			select {
			case <-tick.C:
			case <-stop:
				peak <- most
				return
			}
		}
	}()
	for b.Loop() {
		read()
	}
	close(stop)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/session")
	b.ReportMetric(float64(<-peak)/(1<<20), "heap-MiB")
}
