package integration_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

// sessionsOf returns what a recording's session table holds, by id.
func (r recording) sessionRows() map[string]row {
	rows := map[string]row{}
	for _, row := range r.Tables["session"] {
		rows[row["session_id"].(string)] = row
	}
	return rows
}

func jsonOf(t testing.TB, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	require.NoError(t, err)
	return string(text)
}

func TestSQLStoreReadsJoomlasRows(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"j5", "j3"} {
		for _, layout := range layouts() {
			t.Run(name+"/"+string(layout), func(t *testing.T) {
				t.Parallel()
				onEach(t, func(t *testing.T, d database) {
					s := newSite(t, d, layout, recorded(t, name))
					sessions, err := capi.Collect(capi.NewSQLStore(s.capi(t, nil)).Sessions(t.Context()))
					require.NoError(t, err)
					want := s.sessionRows()
					require.Len(t, sessions, len(want))
					for _, session := range sessions {
						text, err := session.MarshalJSON()
						require.NoError(t, err)
						wantText := want[session.ID]
						assert.JSONEq(t, jsonOf(t, wantText), string(text))
					}
				})
			})
		}
	}
}
