package page

import (
	"slices"
	"time"

	"github.com/capi-go/capi"
)

// figures count sessions. Each counts once: as a person's, a guest's or ended.
type figures struct {
	added        int64
	total        count
	endedGuests  int64
	applications []application
	activity     [len(ages) + 2]count // by age; the last two are older and of unknown age
	// people are those who are logged in, once per session, except those who
	// may be waiting for a second factor.
	people []int64
}

// A count is a number of sessions of each kind.
type count struct{ people, guests, ended int64 }

// An application is the count of one Joomla application.
type application struct {
	client capi.ClientID
	count
}

// ages are the upper ends of the steps of activity.
var ages = [...]time.Duration{
	time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 3 * time.Hour, 24 * time.Hour,
}

// otherApplications stands for all after the first few: the table may have any
// number of them.
const (
	mostApplications  = 16
	otherApplications = capi.ClientID(-2)
)

// A place is where in figures a session is counted.
type place struct{ application, step uint8 }

// add counts a session, and returns where. An open session counts as a
// person's, but the person is added later.
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

// end turns the person's session counted at a place into an ended one.
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

// application returns the index of client's application, and adds a new one.
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

// step returns the index in activity of a time.
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

// countPeople returns the number of different people.
func (f *figures) countPeople() int {
	slices.Sort(f.people)
	f.people = slices.Compact(f.people)
	return len(f.people)
}
