package main

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestIdleBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for sites, each := range map[int]int{1: 4, 16: 4, 17: 3, 32: 2, 64: 1, 65: 1, 200: 1} {
			b := newIdleBudget(64, sites)
			assert.Zero(t, b.share(0), "nobody has used it")
			for site := range sites {
				b.use(site)
				time.Sleep(time.Millisecond)
			}
			assert.Equal(t, each, b.share(0), "%d sites", sites)
			sum := 0
			for site := range sites {
				sum += b.share(site)
			}
			assert.LessOrEqual(t, sum, 64, "%d sites", sites)
			assert.Equal(t, min(64, sites*each), sum, "%d sites", sites)
			time.Sleep(idleTime - time.Second)
			b.use(sites - 1)
			time.Sleep(time.Second)
			assert.Equal(t, 4, b.share(sites-1), "the only one that is used")
			time.Sleep(idleTime)
			assert.Zero(t, b.share(sites-1), "it is not used any more")
		}
		assert.Zero(t, func() int {
			b := newIdleBudget(0, 1)
			b.use(0)
			return b.share(0)
		}())
	})
}
