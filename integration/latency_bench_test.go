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

// BenchmarkTenSessions is a request as dashboards make it, cookie check, rights
// and list, of a site with ten sessions on MariaDB, from 8 and 50 clients at
// once: over HTTP, and its queries alone. Reported are the latencies that half
// of the requests, and 99 of 100, stay below.
func BenchmarkTenSessions(b *testing.B) {
	s := joomla5(b, mariaDB())
	cookie := s.CookieOf(b, "admin")
	s.Exec(b, `DELETE FROM "#__session" WHERE "userid" NOT BETWEEN 35 AND 104`)
	var sessions int
	require.NoError(b, s.DB.QueryRow(s.SQL(`SELECT COUNT(*) FROM "#__session"`)).Scan(&sessions))
	require.Equal(b, 10, sessions)
	// More connections than the database has cores to spare only make some
	// requests wait for all the others.
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
