package capi_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/internal/joomlatest"
)

func TestSessionUnmarshalJSON(t *testing.T) {
	want := capi.Session{
		ID: "abc", ClientID: capi.ClientAdministrator, Time: time.Unix(1445783987, 0).UTC(), Data: capi.Payload("x|N;"),
		UserID: 99, Username: "steve",
	}
	guest := capi.Session{ID: "abc", ClientID: capi.ClientNone, Guest: true, Time: time.Unix(1795489075, 0).UTC()}
	nothing := capi.Session{ClientID: capi.ClientNone, Guest: true}
	tests := []struct {
		name, text string
		want       capi.Session
	}{
		{"strings", `{"session_id":"abc","client_id":"1","guest":"0","time":"1445783987","data":"x|N;","userid":"99","username":"steve"}`, want},
		{"numbers, as Joomla 4 and later write them",
			`{"session_id":"abc","client_id":1,"guest":0,"time":1445783987,"data":"x|N;","userid":99,"username":"steve"}`, want},
		{"booleans", `{"session_id":"abc","client_id":1,"guest":false,"time":1445783987,"data":"x|N;","userid":99,"username":"steve"}`, want},
		{"other order and unknown members",
			`{"more":[{}],"username":"steve","userid":"99","data":"x|N;","time":"1445783987","guest":"0","client_id":"1","session_id":"abc"}`, want},
		{"nulls", `{"session_id":"abc","client_id":null,"guest":1,"time":1795489075,"data":null,"userid":null,"username":null}`, guest},
		{"missing members", `{"session_id":"abc","guest":true,"time":"1795489075"}`, guest},
		{"empty text", `{"session_id":"abc","client_id":"","guest":"1","time":"1795489075","userid":"","username":""}`, guest},
		{"client 0", `{"client_id":0}`, capi.Session{Guest: true}},
		{"no time", `{"time":""}`, nothing},
		{"time 0", `{"time":"0"}`, nothing},
		{"empty data", `{"data":""}`, capi.Session{ClientID: capi.ClientNone, Guest: true, Data: capi.Payload{}}},
		{"empty object", `{}`, nothing},
		{"escapes", `{"username":"\u00e9\/\ud83d\ude00"}`, capi.Session{ClientID: capi.ClientNone, Guest: true, Username: "é/😀"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			// Fields that are already set are overwritten.
			got := capi.Session{ID: "old", ClientID: 3, Guest: true, Time: time.Now(), Data: capi.Payload("old"), UserID: 7, Username: "old"}
			require.NoError(t, json.Unmarshal([]byte(tt.text), &got))
			assert.Equal(t, tt.want, fields(got))
		})
	}
}

func TestSessionUnmarshalJSONRefuses(t *testing.T) {
	for _, text := range []string{
		`[]`, `"marker"`, `1`, `true`, `{"session_id":["marker"]}`, `{"client_id":{"marker":1}}`, `{"guest":[]}`, `{"time":[1]}`, `{"time":{}}`,
		`{"data":1}`, `{"data":{"marker":1}}`, `{"data":true}`, `{"userid":[7]}`, `{"username":["marker"]}`,
	} {
		session := capi.Session{ID: "old"}
		err := json.Unmarshal([]byte(text), &session)
		require.Error(t, err, text)
		assert.Equal(t, capi.Session{ID: "old"}, session, text)
		assert.NotContains(t, err.Error(), "marker", "what a session holds is no matter for errors")
	}
	assert.ErrorContains(t, new(capi.Session).UnmarshalJSON([]byte(`{`)), "capi: ")
}

func TestSessionMarshalJSON(t *testing.T) {
	session := capi.Session{
		ID: "a/b", ClientID: 3, Guest: true, Data: capi.Payload("é\"\\\xff"), UserID: 42, Username: "steve",
		Time: time.Date(2026, 11, 24, 20, 0, 0, 999, time.FixedZone("CET", 3600)),
	}
	const want = `{"session_id":"a\/b","client_id":"3","guest":"1","time":"1795546800","data":"\u00e9\"\\\ufffd","userid":"42","username":"steve"}`
	text, err := session.MarshalJSON()
	require.NoError(t, err)
	assert.Equal(t, want, string(text))
	text, err = json.Marshal(session)
	require.NoError(t, err, "a value, not only a pointer")
	assert.Equal(t, want, string(text))
	text, err = json.Marshal([]*capi.Session{&session, nil})
	require.NoError(t, err)
	assert.Equal(t, "["+want+",null]", string(text))
}

func TestSessionOfRecordings(t *testing.T) {
	for _, name := range joomlatest.Recordings() {
		for _, recorded := range joomlatest.Recorded(name).Tables["session"] {
			row, err := json.Marshal(recorded)
			require.NoError(t, err)
			var session, again capi.Session
			require.NoError(t, json.Unmarshal(row, &session))
			text, err := session.MarshalJSON()
			require.NoError(t, err)
			assert.JSONEq(t, string(row), string(text), name)
			require.NoError(t, json.Unmarshal(text, &again))
			assert.Equal(t, session, again, name)
		}
	}
}

func TestClientIDString(t *testing.T) {
	for want, c := range map[string]capi.ClientID{
		"site": capi.ClientSite, "administrator": capi.ClientAdministrator, "installation": 2,
		"api": 3, "cli": 4, "5": 5, "none": capi.ClientNone, "-2": -2,
	} {
		assert.Equal(t, want, c.String())
	}
}
