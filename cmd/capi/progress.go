package main

import (
	"fmt"
	"io"
	"time"
)

// A progress shows on a terminal how many sessions have been read, in a line
// that it removes at the end. If there is no terminal, it shows nothing.
type progress struct {
	w     io.Writer // nil to show nothing
	count int
	shown time.Time
}

// newProgress returns a progress on w.
func newProgress(w io.Writer) *progress {
	if !isTerminal(w) {
		return &progress{}
	}
	return &progress{w: w, shown: time.Now()}
}

// next counts a session.
func (p *progress) next() {
	p.count++
	if p.w == nil || p.count%64 != 0 || time.Since(p.shown) < 200*time.Millisecond {
		return
	}
	p.shown = time.Now()
	fmt.Fprintf(p.w, "\r%d sessions …", p.count)
}

// clear removes the line.
func (p *progress) clear() {
	if p.w != nil {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}

// end says how many there were.
func (p *progress) end() {
	if p.w != nil {
		p.clear()
		fmt.Fprintf(p.w, "%d sessions read\n", p.count)
	}
}
