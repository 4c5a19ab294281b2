package capi

import (
	"context"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ask acquires bytes of b, and returns once they were granted or it has to
// wait.
func (b *budget) ask(ctx context.Context, bytes int) <-chan error {
	b.mu.Lock()
	before := len(b.waiting)
	b.mu.Unlock()
	done := make(chan error, 1)
	go func() { done <- b.acquire(ctx, bytes) }()
	for {
		b.mu.Lock()
		waits := len(b.waiting) > before
		b.mu.Unlock()
		if waits || len(done) > 0 {
			return done
		}
		runtime.Gosched()
	}
}

func TestBudgetOrder(t *testing.T) {
	b := newBudget(10)
	require.NoError(t, <-b.ask(t.Context(), 6))
	require.NoError(t, <-b.ask(t.Context(), 4), "to the last byte")
	large := b.ask(t.Context(), 8)
	b.release(6)
	small := b.ask(t.Context(), 1)
	last := b.ask(t.Context(), 1)
	assert.Empty(t, large)
	assert.Empty(t, small, "there is room, but it is not its turn")
	b.release(4)
	require.NoError(t, <-large)
	require.NoError(t, <-small)
	require.NoError(t, <-last)
	assert.Zero(t, b.free)
	b.release(8)
	b.release(1)
	b.release(1)
	assert.Equal(t, 10, b.free)
}

func TestBudgetCancellation(t *testing.T) {
	b := newBudget(10)
	require.NoError(t, <-b.ask(t.Context(), 9))
	ctx, cancel := context.WithCancel(t.Context())
	never := b.ask(ctx, 11)
	small := b.ask(t.Context(), 1)
	cancel()
	require.ErrorIs(t, <-never, context.Canceled)
	require.NoError(t, <-small, "whoever gives up lets others pass")
	assert.Zero(t, b.free)
	require.ErrorIs(t, b.acquire(ctx, 1), context.Canceled)
	b.release(10)
	assert.Equal(t, 10, b.free)
}

// Memory granted at the moment that the context ends is not lost.
func TestBudgetCancellationAtOnce(t *testing.T) {
	b := newBudget(10)
	for range 100 {
		require.NoError(t, <-b.ask(t.Context(), 10))
		ctx, cancel := context.WithCancel(t.Context())
		second := b.ask(ctx, 10)
		b.mu.Lock()
		cancel()
		for range 100 {
			runtime.Gosched() // Usually lets it notice, and wait for the lock.
		}
		b.free += 10
		b.hand()
		b.mu.Unlock()
		if err := <-second; err == nil {
			b.release(10)
		}
		require.Equal(t, 10, b.free)
		require.Empty(t, b.waiting)
	}
}
