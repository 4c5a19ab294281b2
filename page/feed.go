package page

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/internal/stream"
)

// feed answers with the feed of a site.
func (h *handler) feed(w http.ResponseWriter, r *http.Request) {
	site, user, ok := h.authorize(w, r)
	if !ok {
		return
	}
	w.Header().Add("Vary", "Accept-Encoding")
	if acceptsGzip(r) {
		w.Header().Set("Content-Encoding", "gzip")
	}
	h.Stream(w, r, stream.Reader{ID: user.ID, Username: user.Username, Credential: user.Credential}, func(ctx context.Context, out *stream.Response) error {
		zip := newCompressor(r, out)
		f := &feed{handler: h, site: site, read: out, out: newFeedWriter(zip), now: time.Now(), user: user.ID, own: h.own(r)}
		if err := f.write(ctx); err != nil {
			w.Header().Del("Content-Encoding") // An answer in its place is not compressed.
			return err
		}
		return zip.Close()
	})
}

// authorize returns the site that a request is about and the user that it comes
// from. If there is no such site, or it does not admit the request, authorize
// answers it, and ok is false.
func (h *handler) authorize(w http.ResponseWriter, r *http.Request) (site *Site, user capi.User, ok bool) {
	if site = h.site(r.URL.Query().Get("site")); site == nil {
		h.Answer(w, r, http.StatusNotFound, "No such site.")
		return nil, capi.User{}, false
	}
	user, err := capi.Authorize(site.Auth, r)
	if err != nil {
		h.refuse(w, r, err)
		return nil, capi.User{}, false
	}
	return site, user, true
}

// own returns the pseudonyms of the sessions whose cookies come with a request.
func (h *handler) own(r *http.Request) map[string]bool {
	own := map[string]bool{}
	for _, cookie := range r.Cookies() {
		own[h.pseudonym(capi.Session{ID: cookie.Value}).ID] = true
	}
	return own
}

// site returns the site with that name, or nil. An only site needs no name.
func (h *handler) site(name string) *Site {
	for i := range h.sites {
		if h.sites[i].Name == name || name == "" && len(h.sites) == 1 {
			return &h.sites[i]
		}
	}
	return nil
}

// setFeedHeader sets the header of a feed.
func setFeedHeader(header http.Header) {
	header.Set("Content-Type", "application/x-ndjson")
	header.Set("Cache-Control", "no-store")
}

// A feed is the state of a feed that is being written.
type feed struct {
	handler *handler
	site    *Site
	read    *stream.Response // counts the sessions of the Store
	out     *feedWriter
	now     time.Time
	user    int64           // who reads
	own     map[string]bool // as [handler.own] returns it
	// logins are the sessions of people that have not ended, according to the
	// sessions themselves.
	logins []login
}

// A login is a session in which somebody is logged in.
type login struct {
	person  int64  // see [entry.person]
	ordinal uint32 // of its row
	place
	factor factor
}

// A factor is the state of the second factor in a session.
type factor uint8

const (
	passed factor = iota // or unknown
	open                 // waits, if its user is asked for one
	setUp                // waits until one is set up
)

// write writes the lines of the feed.
func (f *feed) write(ctx context.Context) error {
	f.out.head(f.now, f.user)
	if f.site.Summary != nil {
		var sum figures
		err := stream.Each(ctx, f.site.Summary.Sessions(ctx), func(session capi.Session) error {
			sum.add(f.now, entryOf(&session), f.ended(session), false)
			return f.tellSoFar(&sum)
		})
		if err != nil {
			return err
		}
		f.out.figures(&sum, -1, counted)
		f.out.flush()
	}
	var sum figures
	err := stream.Each(ctx, f.site.Store.Sessions(ctx), func(session capi.Session) error {
		f.read.Sessions++
		e := readEntry(&session)
		ended := f.ended(session)
		f.add(&sum, e, ended)
		if e.guest {
			if f.site.Summary == nil {
				return f.tellSoFar(&sum)
			}
			return f.out.err
		}
		pseudonym, flags := f.handler.pseudonym(session).ID, int64(0)
		if ended {
			flags |= rowEnded
		}
		if f.own[pseudonym] {
			flags |= rowOwn
		}
		return f.out.row(pseudonym, e, flags)
	})
	if err != nil {
		return err
	}
	gone, waiting, err := f.settle(ctx, &sum)
	if err != nil {
		return err
	}
	f.out.marked("ended", gone)
	f.out.marked("waiting", waiting)
	f.out.figures(&sum, len(waiting), whole)
	f.out.flush()
	return f.out.err
}

// tellSoFar sends the figures so far, if the last ones are old enough.
func (f *feed) tellSoFar(sum *figures) error {
	const every = 500 * time.Millisecond
	if sum.added%64 == 0 && time.Since(f.out.sent) > every {
		f.out.figures(sum, -1, counting)
		f.out.flush()
	}
	return f.out.err
}

// add counts a session, and remembers it if somebody is logged in.
func (f *feed) add(sum *figures, e *entry, ended bool) {
	state := passed
	switch {
	case e.guest || ended || !e.readable:
	case e.mustSetUp:
		state = setUp
	case !e.checked && f.site.Joomla != nil:
		state = open
	}
	at := sum.add(f.now, e, ended, state != passed)
	if !e.guest && !ended {
		f.logins = append(f.logins, login{e.person(), uint32(f.out.ordinal), at, state})
	}
}

// settle finds out who the users are, which sessions belong to deleted users,
// and which wait for the second factor. Call it after the list has been read: a
// site may have only one connection to its database.
func (f *feed) settle(ctx context.Context, sum *figures) (gone, waiting []login, err error) {
	var existing, asked []int64
	if f.site.Joomla != nil {
		if existing, err = f.tellUsers(ctx); err != nil {
			return nil, nil, err
		}
		var users []int64
		for _, l := range f.logins {
			if l.factor == open {
				users = append(users, l.person)
			}
		}
		if asked, err = f.site.Joomla.SecondFactorUsers(ctx, users); err != nil {
			return nil, nil, err
		}
	}
	among := func(users []int64, user int64) bool {
		_, found := slices.BinarySearch(users, user)
		return found
	}
	sum.people = sum.people[:0]
	for _, l := range f.logins {
		switch {
		// Negative numbers are people without an id.
		case f.site.Joomla != nil && l.person > 0 && !among(existing, l.person):
			gone = append(gone, l)
			sum.end(l.place)
		case l.factor == setUp || l.factor == open && among(asked, l.person):
			waiting = append(waiting, l)
		default:
			sum.people = append(sum.people, l.person)
		}
	}
	return gone, waiting, nil
}

// tellUsers sends who the users of the rows are, and returns those who exist, in
// ascending order.
func (f *feed) tellUsers(ctx context.Context) (existing []int64, err error) {
	asked := slices.Sorted(maps.Keys(f.out.told))
	if len(asked) == 0 {
		return nil, nil
	}
	titles, err := f.site.Joomla.GroupTitles(ctx)
	if err != nil {
		return nil, err
	}
	f.out.groups(titles)
	const atOnce = 4096 // to hold few of them
	for ids := range slices.Chunk(asked, atOnce) {
		users, err := f.site.Joomla.Users(ctx, ids)
		if err != nil {
			return nil, err
		}
		for _, user := range users {
			existing = append(existing, user.ID)
		}
		if err := f.out.users(users); err != nil {
			return nil, err
		}
	}
	return existing, nil
}

func (f *feed) ended(session capi.Session) bool {
	return f.site.Joomla != nil && f.site.Joomla.Ended(session)
}
