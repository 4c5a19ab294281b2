package integration_test

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

// BenchmarkTenSessions measures requests as a dashboard makes them, with cookie
// check, rights and list, for a site with ten sessions on MariaDB, from 8 and
// 50 concurrent clients: over HTTP, and only the queries. It reports the median
// and the 99th percentile of the latency.
func BenchmarkTenSessions(b *testing.B) {
	s := joomla5(b, mariaDB())
	cookie := s.CookieOf(b, "admin")
	s.Exec(b, `DELETE FROM "#__session" WHERE "userid" NOT BETWEEN 35 AND 104`)
	var sessions int
	require.NoError(b, s.DB.QueryRow(s.SQL(`SELECT COUNT(*) FROM "#__session"`)).Scan(&sessions))
	require.Equal(b, 10, sessions)
	// With more connections than the database has spare cores, some requests
	// only wait for all the others.
	s.DB.SetMaxOpenConns(8)
	s.DB.SetMaxIdleConns(8)
	auth, store := s.guard(b, nil), capi.NewSQLStore(s.capi(b, nil))

	run := func(b *testing.B, clients int, request func(ctx context.Context) error) {
		var mutex sync.Mutex
		var latencies []time.Duration
		b.SetParallelism((clients + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0))
		b.RunParallel(func(pb *testing.PB) {
			var own []time.Duration
			for pb.Next() {
				start := time.Now()
				if err := request(b.Context()); err != nil {
					b.Error(err)
				}
				own = append(own, time.Since(start))
			}
			mutex.Lock()
			defer mutex.Unlock()
			latencies = append(latencies, own...)
		})
		slices.Sort(latencies)
		b.ReportMetric(latencies[len(latencies)/2].Seconds()*1000, "p50-ms")
		b.ReportMetric(latencies[len(latencies)*99/100].Seconds()*1000, "p99-ms")
	}
	for _, clients := range []int{8, 50} {
		b.Run(fmt.Sprintf("clients=%d/impl=http", clients), func(b *testing.B) {
			service := serve(b, capi.HandlerOptions{}, store, auth)
			run(b, clients, func(ctx context.Context) error {
				answer := get(ctx, service.client, service.url, cookie)
				if answer.err == nil && answer.status != http.StatusOK {
					return fmt.Errorf("status %d", answer.status)
				}
				return answer.err
			})
		})
		b.Run(fmt.Sprintf("clients=%d/impl=queries", clients), func(b *testing.B) {
			r, err := http.NewRequest(http.MethodGet, "/", nil)
			require.NoError(b, err)
			r.Header = cookie
			run(b, clients, func(ctx context.Context) error {
				if err := auth.Authorize(r); err != nil {
					return err
				}
				for _, err := range store.Sessions(ctx) {
					if err != nil {
						return err
					}
				}
				return nil
			})
		})
	}
}
