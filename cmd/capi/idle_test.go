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
			assert.Equal(t, each, b.share(sites-1), "%d sites", sites)
			sum := 0
			for site := range sites {
				sum += b.share(site)
			}
			assert.LessOrEqual(t, sum, 64, "%d sites", sites)
			assert.Equal(t, min(64, sites*each), sum, "%d sites", sites)
			if sites == 200 {
				assert.Zero(t, b.share(0), "others were used later")
				b.use(0)
				assert.Equal(t, 1, b.share(0))
			}
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
