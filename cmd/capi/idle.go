package main

import (
	"sync/atomic"
	"time"
)

const (
	// idleTime is how long an idle connection is kept.
	idleTime = time.Minute
	// idleOfSite is the most idle connections of one site.
	idleOfSite = 4
)

// An idleBudget shares idle connections among the sites that are used: a server
// has some hundred for all of its clients.
type idleBudget struct {
	most int
	// used is when each site was last used, in nanoseconds since 1970.
	used []atomic.Int64
}

// newIdleBudget returns a budget of at most so many connections of all sites.
func newIdleBudget(most, sites int) *idleBudget {
	return &idleBudget{most: most, used: make([]atomic.Int64, sites)}
}

// use notes that a site is used.
func (b *idleBudget) use(site int) { b.used[site].Store(time.Now().UnixNano()) }

// share returns how many idle connections a site may keep: as many as any other
// site that is used. If there are not enough, the first sites get one each. Giving
// them to the sites that were used last would be worse: sites that are asked in
// turn would each lose theirs just before they need it.
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
