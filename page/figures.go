package page

import (
	"slices"
	"time"

	"github.com/capi-go/capi"
)

// figures count sessions. Each counts once: as one of people, of guests, or as
// one that has ended.
type figures struct {
	added        int64
	total        count
	endedGuests  int64
	applications []application
	activity     [len(ages) + 2]count // by age; the last two are older ones, and those of no known time
	// people are those who are logged in, once a session. Who may wait for a
	// second factor is not among them.
	people []int64
}

// A count is of sessions.
type count struct{ people, guests, ended int64 }

// An application is what is counted of one.
type application struct {
	client capi.ClientID
	count
}

// ages are the ends of the steps of last activity.
var ages = [...]time.Duration{
	time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 3 * time.Hour, 24 * time.Hour,
}

// otherApplications stands for all after the first few: the table may hold any
// number.
const (
	mostApplications  = 16
	otherApplications = capi.ClientID(-2)
)

// A place is where a session is counted.
type place struct{ application, step uint8 }

// add counts a session, and returns where. Those that are open count as of
// people, who are added later.
func (f *figures) add(now time.Time, e *entry, ended, open bool) place {
	at := place{f.application(e.client), step(now, e.last)}
	f.added++
	f.total.add(e.guest, ended)
	f.applications[at.application].add(e.guest, ended)
	f.activity[at.step].add(e.guest, ended)
	switch {
	case ended && e.guest:
		f.endedGuests++
	case !ended && !e.guest && !open:
		f.people = append(f.people, e.person())
	}
	return at
}

// end counts a session of people that was counted at a place as one that has
// ended.
func (f *figures) end(at place) {
	for _, c := range []*count{&f.total, &f.applications[at.application].count, &f.activity[at.step]} {
		c.people--
		c.ended++
	}
}

func (c *count) add(guest, ended bool) {
	switch {
	case ended:
		c.ended++
	case guest:
		c.guests++
	default:
		c.people++
	}
}

// application returns the index of an application.
func (f *figures) application(client capi.ClientID) uint8 {
	for {
		for i := range f.applications {
			if f.applications[i].client == client {
				return uint8(i)
			}
		}
		if len(f.applications) >= mostApplications && client != otherApplications {
			client = otherApplications
			continue
		}
		f.applications = append(f.applications, application{client: client})
	}
}

// step returns the index of the step that a time is in.
func step(now, last time.Time) uint8 {
	if last.IsZero() {
		return uint8(len(ages) + 1)
	}
	age := now.Sub(last)
	for i, end := range ages {
		if age < end {
			return uint8(i)
		}
	}
	return uint8(len(ages))
}

// countPeople returns how many different people there are.
func (f *figures) countPeople() int {
	slices.Sort(f.people)
	f.people = slices.Compact(f.people)
	return len(f.people)
}
