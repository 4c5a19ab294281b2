package main

import (
	"sync/atomic"
	"time"
)

const (
	// idleTime is how long a connection is kept that is not used.
	idleTime = time.Minute
	// idleOfSite is how many connections are kept for the next requests of one
	// site at most.
	idleOfSite = 4
)

// An idleBudget shares the connections that are kept for next requests among
// the sites that are used: servers have some hundred for everybody.
type idleBudget struct {
	most int
	// used is when each site was used last, in nanoseconds since 1970.
	used []atomic.Int64
}

// newIdleBudget returns a budget of at most so many connections of all sites.
func newIdleBudget(most, sites int) *idleBudget {
	return &idleBudget{most: most, used: make([]atomic.Int64, sites)}
}

// use notes that a site is used.
func (b *idleBudget) use(site int) { b.used[site].Store(time.Now().UnixNano()) }

// share returns how many connections of a site are kept: as many as of any other
// site that is used. If there are not enough, the first sites have one, whenever
// they were used: sites that are asked in turn would each lose theirs just before
// they need it, if it was for those that were used last.
func (b *idleBudget) share(site int) int {
	since := time.Now().Add(-idleTime).UnixNano()
	if b.used[site].Load() <= since {
		return 0
	}
	inUse, before := 0, 0
	for i := range b.used {
		if b.used[i].Load() <= since {
			continue
		}
		inUse++
		if i < site {
			before++
		}
	}
	each := max(1, min(idleOfSite, b.most/max(1, inUse)))
	return min(each, max(0, b.most-before*each))
}
