package storetest_test

import (
	"context"
	"iter"
	"testing"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/storetest"
)

// A cache is a Store of your own.
type cache struct{ sessions []capi.Session }

func (c *cache) Sessions(ctx context.Context) iter.Seq2[capi.Session, error] {
	return capi.Sessions(c.sessions).Sessions(ctx)
}

func newCache(_ *testing.T, sessions []capi.Session) capi.Store { return &cache{sessions: sessions} }

// The test of your own Store is one call of Run.
func ExampleRun() {
	// func TestCache(t *testing.T)
	_ = func(t *testing.T) {
		storetest.Run(t, newCache)
	}
}

func TestCache(t *testing.T) { storetest.Run(t, newCache) }
