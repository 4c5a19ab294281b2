package capi

import (
	"context"
	"slices"
	"sync"
)

// A budget is a number of bytes that requests share, first come, first served.
// It is safe for concurrent use.
type budget struct {
	mu      sync.Mutex
	free    int
	waiting []*waiting
}

type waiting struct {
	bytes int
	ready chan struct{} // closed once it has them
}

// newBudget returns a budget of the given number of bytes.
func newBudget(bytes int) *budget { return &budget{free: bytes} }

// acquire takes bytes, after all earlier callers have theirs. It returns the
// error of ctx if that ends first. It waits forever for more bytes than the
// budget has.
func (b *budget) acquire(ctx context.Context, bytes int) error {
	b.mu.Lock()
	if len(b.waiting) == 0 && bytes <= b.free {
		b.free -= bytes
		b.mu.Unlock()
		return nil
	}
	w := &waiting{bytes, make(chan struct{})}
	b.waiting = append(b.waiting, w)
	b.mu.Unlock()
	select {
	case <-w.ready:
		return nil
	case <-ctx.Done():
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if i := slices.Index(b.waiting, w); i >= 0 {
		b.waiting = slices.Delete(b.waiting, i, i+1)
	} else { // It came at the same moment.
		b.free += bytes
	}
	b.hand()
	return ctx.Err()
}

// release gives back what acquire took.
func (b *budget) release(bytes int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.free += bytes
	b.hand()
}

// hand gives free bytes to those who wait.
func (b *budget) hand() {
	for len(b.waiting) > 0 && b.waiting[0].bytes <= b.free {
		b.free -= b.waiting[0].bytes
		close(b.waiting[0].ready)
		b.waiting = b.waiting[1:]
	}
}
