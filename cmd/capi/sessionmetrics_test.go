package main

import (
	"log/slog"
	"testing"
	"time"

	"github.com/capi-go/capi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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

// Sites that nobody asks leave their idle connections to others, however often
// their sessions are counted.
func TestSessionCounterIdle(t *testing.T) {
	path := writePHP(t, newSiteOf(t, "sqlite").php(nil))
	o := serveOptions{siteFlags: siteFlags{sites: []siteFile{{path: path}}, connections: 4}, idleConnections: 4, maxLists: 1, stall: time.Minute}
	sites, err := follow(o, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	defer func() { assert.NoError(t, sites[0].shutdown()) }()
	figures, err := (&sessionCounter{site: sites[0]}).count(t.Context())
	require.NoError(t, err)
	assert.Positive(t, figures.users)
	assert.Zero(t, sites[0].idle.share(0))
	_, release, err := sites[0].acquire(t.Context())
	require.NoError(t, err)
	release()
	assert.Positive(t, sites[0].idle.share(0))
}

// Where nobody can know who is logged in, the figures are not 0.
func TestSessionCounterEmpty(t *testing.T) {
	path := writePHP(t, newSiteOf(t, "sqlite").php(map[string]any{"session_handler": "filesystem", "session_filesystem_path": t.TempDir(), "session_metadata": 0}))
	sites, err := follow(serveOptions{siteFlags: siteFlags{sites: []siteFile{{path: path}}, connections: 4}, maxLists: 1, stall: time.Minute},
		slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	defer func() { assert.NoError(t, sites[0].shutdown()) }()
	_, err = (&sessionCounter{site: sites[0]}).count(t.Context())
	assert.ErrorContains(t, err, "$session_metadata is off")
}
