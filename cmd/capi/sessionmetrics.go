package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/capi-go/capi"
	"github.com/prometheus/client_golang/prometheus"
)

// A sessionCollector reports how many are logged in to each site.
type sessionCollector []*sessionCounter

// A sessionCounter counts the sessions of a site when it is asked, but not more
// often than every so often, however many ask.
type sessionCounter struct {
	site  *followedSite
	every time.Duration

	mu      sync.Mutex
	counted time.Time
	// figures is nil if the sessions could not be counted.
	figures *sessionFigures
}

const (
	// countTimeout is how long counting the sessions of all sites may take.
	// Prometheus gives up after ten seconds.
	countTimeout = 8 * time.Second
	// countsAtOnce is how many sites are counted at a time.
	countsAtOnce = 16
)

// sessionFigures are what is counted of a site.
type sessionFigures struct {
	users, superUsers int
	sessions          map[sessionLabels]int
	newest            time.Time
}

// sessionLabels are what sessions are counted by.
type sessionLabels struct{ application, state string }

// What a sessionCollector reports of each site.
var (
	usersDesc = prometheus.NewDesc("capi_site_users_logged_in", "Users who are logged in, each counted once.", []string{"site"}, nil)
	superDesc = prometheus.NewDesc("capi_site_super_users_logged_in", "Super Users who are logged in, each counted once.", []string{"site"}, nil)
	countDesc = prometheus.NewDesc("capi_site_sessions", "Sessions in the list of the site. The state is live (of a user), waiting (for the second factor), "+
		"guest, or ended (over, but still listed).", []string{"site", "application", "state"}, nil)
	newestDesc = prometheus.NewDesc("capi_site_newest_session_timestamp_seconds", "When a session was last written.", []string{"site"}, nil)
)

// Describe implements [prometheus.Collector].
func (sessionCollector) Describe(descs chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{usersDesc, superDesc, countDesc, newestDesc} {
		descs <- desc
	}
}

// Collect implements [prometheus.Collector].
func (c sessionCollector) Collect(values chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), countTimeout)
	defer cancel()
	turns := make(chan struct{}, countsAtOnce)
	var group sync.WaitGroup
	for _, counter := range c {
		group.Go(func() {
			select {
			case turns <- struct{}{}:
				defer func() { <-turns }()
			case <-ctx.Done():
				return
			}
			if found := counter.get(ctx); found != nil { // No figures are better than old ones.
				found.send(values, counter.site.name)
			}
		})
	}
	group.Wait()
}

// send sends the figures of a site.
func (f *sessionFigures) send(values chan<- prometheus.Metric, site string) {
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		values <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, append([]string{site}, labels...)...)
	}
	gauge(usersDesc, float64(f.users))
	gauge(superDesc, float64(f.superUsers))
	for labels, n := range f.sessions {
		gauge(countDesc, float64(n), labels.application, labels.state)
	}
	if !f.newest.IsZero() {
		gauge(newestDesc, float64(f.newest.Unix()))
	}
}

// get returns the figures, or nil.
func (c *sessionCounter) get(ctx context.Context) *sessionFigures {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.counted) < c.every {
		return c.figures
	}
	found, err := c.count(ctx)
	if err != nil && (c.figures != nil || c.counted.IsZero()) {
		c.site.logger.Warn("sessions cannot be counted for /metrics", "error", err.Error())
	}
	c.counted, c.figures = time.Now(), found
	return found
}

// count counts the sessions of the site as it is now.
func (c *sessionCounter) count(ctx context.Context) (*sessionFigures, error) {
	s, release, err := c.site.usable(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	if note := s.empty(); note != "" {
		return nil, errors.New(note)
	}
	reader := &source{Store: s.store(capi.SQLStoreOptions{}), summary: s.summary(), joomla: s.joomla}
	found, err := reader.snapshot(ctx, func(*row) bool { return false })
	if err != nil {
		return nil, err
	}
	return figuresOf(found), nil
}

// figuresOf counts what is in a snapshot.
func figuresOf(found *snapshot) *sessionFigures {
	figures := &sessionFigures{newest: found.newest, sessions: map[sessionLabels]int{}}
	// Zeros, so that alerts always have a value to compare.
	for _, application := range []string{"site", "administrator"} {
		for _, state := range []string{"live", "waiting", "guest", "ended"} {
			figures.sessions[sessionLabels{application, state}] = 0
		}
	}
	users, superUsers := map[int64]bool{}, map[int64]bool{}
	for _, r := range found.rows {
		figures.sessions[sessionLabels{applicationLabel(r.application), r.standing.String()}]++
		if r.standing == live {
			users[r.user] = true
			if r.super {
				superUsers[r.user] = true
			}
		}
	}
	for application, count := range found.guests {
		label := applicationLabel(application)
		figures.sessions[sessionLabels{label, "guest"}] += count.live
		figures.sessions[sessionLabels{label, "ended"}] += count.ended
	}
	figures.users, figures.superUsers = len(users), len(superUsers)
	return figures
}

// applicationLabel returns Joomla's name of an application. Numbers that Joomla
// does not use share a label: the table may hold any.
func applicationLabel(id capi.ClientID) string {
	if id < capi.ClientNone || id > 4 {
		return "other"
	}
	return id.String()
}
