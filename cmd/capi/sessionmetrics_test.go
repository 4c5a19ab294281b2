package main

import (
	"testing"
	"time"

	"github.com/capi-go/capi"
	"github.com/stretchr/testify/assert"
)

func TestFiguresOf(t *testing.T) {
	newest := time.Unix(1_800_000_000, 0)
	found := figuresOf(&snapshot{newest: newest, guests: map[capi.ClientID]guestCount{0: {live: 7, ended: 2}, 99: {live: 1}, 98: {live: 1}}, rows: []row{
		{user: 1, super: true}, {user: 1, super: true, application: capi.ClientAdministrator}, {user: 2}, {user: 3, standing: waiting},
		{user: 4, standing: ended, super: true}, {user: 5, application: capi.ClientNone},
	}})
	want := map[sessionLabels]int{
		{"site", "live"}: 2, {"site", "waiting"}: 1, {"site", "guest"}: 7, {"site", "ended"}: 3,
		{"administrator", "live"}: 1, {"administrator", "waiting"}: 0, {"administrator", "guest"}: 0, {"administrator", "ended"}: 0,
		{"none", "live"}: 1, {"other", "guest"}: 2,
	}
	for labels, n := range want {
		assert.Equal(t, n, found.sessions[labels], labels)
	}
	assert.Equal(t, 3, found.users)
	assert.Equal(t, 1, found.superUsers)
	assert.Equal(t, newest, found.newest)
}
