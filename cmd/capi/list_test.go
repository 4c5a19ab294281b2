package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestProgress(t *testing.T) {
	var shown strings.Builder
	p := &progress{w: &shown, shown: time.Now().Add(-time.Hour)}
	for range 100 {
		p.next()
	}
	p.end()
	assert.Equal(t, "\r64 sessions …\r\x1b[K100 sessions read\n", shown.String())

	p = newProgress(&shown) // No terminal.
	before := shown.Len()
	p.next()
	p.end()
	assert.Equal(t, before, shown.Len())
}
