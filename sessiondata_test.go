package capi_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

// filled returns the store of a site with n rows, whose data comes from data.
func filled(t *testing.T, n int, activeOnly bool, data capi.SessionData) capi.Store {
	t.Helper()
	var rows reply
	for i := range n {
		rows.rows = append(rows.rows, []driver.Value{fmt.Sprint(i), "0", "1", "1", "left over", "0", ""})
	}
	site := newFakeDB(list(int64(0)), rows).site(t, inRedis(data))
	return capi.SQLStoreOptions{ActiveOnly: activeOnly}.NewSQLStore(site)
}

// odd is a SessionData with the sessions of odd ids.
func odd(batches *[]int) capi.SessionData {
	var mu sync.Mutex
	return sessionDataFunc(func(_ context.Context, ids []string) ([]capi.Payload, error) {
		mu.Lock()
		*batches = append(*batches, len(ids))
		mu.Unlock()
		payloads := make([]capi.Payload, len(ids))
		for i, id := range ids {
			if strings.HasSuffix(id, "1") {
				payloads[i] = capi.Payload("data of " + id)
			}
		}
		return payloads, nil
	})
}

func TestSQLStoreFills(t *testing.T) {
	for n, want := range map[int][]int{0: nil, 1: {1}, 255: {255}, 256: {256}, 257: {256, 1}, 512: {256, 256}, 1300: {256, 256, 256, 256, 256, 20}} {
		for _, activeOnly := range []bool{false, true} {
			var batches []int
			sessions, err := capi.Collect(filled(t, n, activeOnly, odd(&batches)).Sessions(t.Context()))
			require.NoError(t, err)
			assert.ElementsMatch(t, want, batches)
			var ids []string
			for i := range n {
				if id := fmt.Sprint(i); !activeOnly || strings.HasSuffix(id, "1") {
					ids = append(ids, id)
				}
			}
			require.Len(t, sessions, len(ids))
			for i, session := range sessions {
				require.Equal(t, ids[i], session.ID)
				if strings.HasSuffix(session.ID, "1") {
					require.Equal(t, "data of "+session.ID, string(session.Data))
				} else {
					require.Nil(t, session.Data, "what the column holds does not count")
				}
			}
		}
	}
}

func TestSQLStoreFillsUntilBreak(t *testing.T) {
	var batches []int
	count := 0
	for range filled(t, 1300, false, odd(&batches)).Sessions(t.Context()) {
		if count++; count == 10 {
			break
		}
	}
	assert.Equal(t, []int{256, 256, 256}, batches, "two batches ahead")
}

// A SessionData that panics does so in the goroutine of the range, where
// net/http recovers.
func TestSQLStoreFillPanics(t *testing.T) {
	data := sessionDataFunc(func(context.Context, []string) ([]capi.Payload, error) { panic("of the data") })
	assert.PanicsWithValue(t, "of the data", func() { _, _ = capi.Collect(filled(t, 1, false, data).Sessions(t.Context())) })
}

func TestSQLStoreFillFails(t *testing.T) {
	broken := errors.New("broken")
	for name, second := range map[string]struct {
		payloads []capi.Payload
		err      error
		want     string
	}{
		"error":    {nil, broken, "capi: reading session data: broken"},
		"too few":  {[]capi.Payload{nil}, nil, "capi: reading session data: SessionData returned 1 payloads for 256 ids"},
		"too many": {make([]capi.Payload, 300), nil, "capi: reading session data: SessionData returned 300 payloads for 256 ids"},
	} {
		t.Run(name, func(t *testing.T) {
			data := sessionDataFunc(func(_ context.Context, ids []string) ([]capi.Payload, error) {
				if ids[0] == "0" {
					return slices.Repeat([]capi.Payload{[]byte(strings.Repeat("x", 1<<10))}, len(ids)), nil
				}
				return second.payloads, second.err
			})
			sessions, err := capi.Collect(filled(t, 600, false, data).Sessions(t.Context()))
			require.EqualError(t, err, second.want)
			assert.Len(t, sessions, 256)

			config, logs := logged()
			assert.PanicsWithError(t, "net/http: abort Handler", func() {
				serveOnce(newHandler(t, config, filled(t, 600, false, data), answering(nil)))
			})
			assert.Contains(t, logs.String(), "cut short")
		})
	}
}
