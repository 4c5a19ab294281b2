package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/internal/joomlatest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// addSessions returns a change that adds n sessions of 2 KB.
func addSessions(n int) func(*joomlatest.Recording) {
	return func(recording *joomlatest.Recording) {
		data := strings.Repeat("0123456789abcdef", 128)
		for i := range n {
			recording.Tables["session"] = append(recording.Tables["session"], joomlatest.Row{
				"session_id": fmt.Sprintf("more%022d", i), "client_id": "0", "guest": "1",
				"time": fmt.Sprint(recording.Now), "data": data, "userid": "0", "username": "",
			})
		}
	}
}

// clients ask one service all the time, and know what it should answer.
type clients struct {
	url   string
	kinds []clientKind
	ids   []string // of the sessions of the list, in order

	mu      sync.Mutex
	right   map[string]int
	wrong   []string
	errors  []clientError
	stopped sync.WaitGroup
}

// A clientKind is one kind of request.
type clientKind struct {
	name   string
	header http.Header
	want   int
}

// A clientError is an answer that reports a failure.
type clientError struct {
	at         time.Time
	kind, text string
}

// startClients starts n clients of a site, which end with ctx. They have cookies
// of Super Admins and of others, tokens, or nothing.
func startClients(ctx context.Context, url string, site *testSite, n int) *clients {
	c := &clients{url: url, right: map[string]int{}}
	for _, session := range site.Sessions {
		header := http.Header{"Cookie": {session.Cookie.Name + "=" + session.Cookie.Value}}
		c.kinds = append(c.kinds, clientKind{fmt.Sprintf("cookie, %d", session.Want()), header, session.Want()})
	}
	c.kinds = append(c.kinds, clientKind{"token, 200", http.Header{"X-Joomla-Token": {site.token()}}, http.StatusOK},
		clientKind{"nothing, 401", nil, http.StatusUnauthorized})
	for _, row := range site.Tables["session"] {
		c.ids = append(c.ids, row["session_id"].(string))
	}
	slices.Sort(c.ids)
	for i := range n {
		c.stopped.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for turn := i; ctx.Err() == nil; turn++ {
				c.ask(ctx, client, c.kinds[turn%len(c.kinds)])
			}
		})
	}
	return c
}

// ask asks once, and counts the answer.
func (c *clients) ask(ctx context.Context, client *http.Client, kind clientKind) {
	status, body, err := c.get(client, kind.header)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err != nil:
		c.errors = append(c.errors, clientError{time.Now(), kind.name, err.Error()})
	case status >= 500:
		c.errors = append(c.errors, clientError{time.Now(), kind.name, fmt.Sprint(status)})
	case status != kind.want:
		c.wrong = append(c.wrong, fmt.Sprintf("%s: status %d", kind.name, status))
	case status == http.StatusOK && !slices.Equal(idsOf(body), c.ids):
		c.wrong = append(c.wrong, fmt.Sprintf("%s: another list, of %d sessions", kind.name, len(idsOf(body))))
	default:
		c.right[kind.name]++
	}
}

// get reads each answer to its end.
func (c *clients) get(client *http.Client, header http.Header) (status int, body []byte, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+listPath, nil)
	if err != nil {
		return 0, nil, err
	}
	request.Header = header.Clone()
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	body, err = io.ReadAll(response.Body)
	return response.StatusCode, body, err
}

// idsOf returns the sorted ids of the sessions of an answer.
func idsOf(body []byte) []string {
	var envelope capi.Envelope[[]capi.Session]
	if json.Unmarshal(body, &envelope) != nil {
		return nil
	}
	var ids []string
	for _, session := range envelope.Msg {
		ids = append(ids, session.ID)
	}
	slices.Sort(ids)
	return ids
}

// requireRight waits for the clients to end. It requires that no answer was
// wrong, that errors came only shortly after one of the moments, and that each
// kind was served.
func (c *clients) requireRight(t *testing.T, within time.Duration, moments ...time.Time) {
	t.Helper()
	c.stopped.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	t.Logf("right: %v; errors: %d; wrong: %d", c.right, len(c.errors), len(c.wrong))
	assert.Empty(t, c.wrong)
	for _, kind := range c.kinds {
		assert.Positive(t, c.right[kind.name], kind.name)
	}
	counts, elsewhen := map[string]int{}, 0
	for _, err := range c.errors {
		since := time.Duration(-1)
		for _, moment := range moments {
			if d := err.at.Sub(moment); d >= 0 && (since < 0 || d < since) {
				since = d
			}
		}
		counts[fmt.Sprintf("%s: %s, %v after", err.kind, err.text, since.Round(100*time.Millisecond))]++
		if since < 0 || since > within {
			elsewhen++
		}
	}
	t.Logf("errors: %v", counts)
	assert.Zero(t, elsewhen, "errors while no connection broke")
	require.NotEmpty(t, c.right)
}

// untilServed waits until each kind has been served once more.
func (c *clients) untilServed(t *testing.T) {
	t.Helper()
	count := func() (counts []int) {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, kind := range c.kinds {
			counts = append(counts, c.right[kind.name])
		}
		return counts
	}
	before := count()
	served := func() bool {
		for i, n := range count() {
			if n == before[i] {
				return false
			}
		}
		return true
	}
	if !assert.Eventually(t, served, processPatience, 20*time.Millisecond, "each kind is served") {
		c.mu.Lock()
		defer c.mu.Unlock()
		require.FailNow(t, "some are not", "right: %v; wrong: %d, %.300v; errors: %d", c.right, len(c.wrong), c.wrong, len(c.errors))
	}
}

// serveUntil waits until a moment. Each kind must be served before it and after
// it.
func (c *clients) serveUntil(t *testing.T, moment time.Time) {
	t.Helper()
	for c.untilServed(t); time.Now().Before(moment); {
		c.untilServed(t)
	}
}
