package capi_test

import (
	"bytes"
	"encoding/json"
	"strconv"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

// FuzzSession checks that the handler and MarshalJSON write the same valid JSON
// in ASCII for whatever a table holds, and that clients read back all UTF-8.
func FuzzSession(f *testing.F) {
	f.Add("0i6fcirbg5vdgmjadiuc6gl4dh", int64(0), true, true, int64(1795489075), []byte(`joomla|s:4:"bnVs";`), uint8(1), true, int64(0), "")
	f.Add("", int64(-1), false, false, int64(-62135596800), []byte("\x00*\x00\xff/é"), uint8(0), false, int64(-1), "\xf0\x9f\x98")
	f.Add("a/b", int64(7), true, false, int64(1)<<60, []byte("日😀a\xff"), uint8(255), true, int64(1)<<62, "\u2028")
	f.Fuzz(func(t *testing.T, id string, clientID int64, hasClient, guest bool, seconds int64, data []byte, repeat uint8, hasData bool,
		userID int64, username string,
	) {
		if seconds == 0 {
			seconds = 1 // 1970-01-01 means no time.
		}
		session := capi.Session{ID: id, ClientID: capi.ClientNone, Guest: guest, Time: time.Unix(seconds, 0).UTC(), UserID: userID, Username: username}
		if hasClient && clientID >= 0 {
			session.ClientID = capi.ClientID(clientID)
		}
		if hasData {
			session.Data = append(capi.Payload{}, bytes.Repeat(data, int(repeat))...) // Long ones are written in pieces.
		}
		text, err := session.MarshalJSON()
		require.NoError(t, err)
		require.True(t, bytes.IndexFunc(text, func(r rune) bool { return r < ' ' || r >= utf8.RuneSelf }) < 0)
		require.Equal(t, `{"msg":[`+string(text)+`,`+string(text)+`],"error":false,"status":200}`, string(answer(t, session, session)))

		var back capi.Session
		require.NoError(t, json.Unmarshal(text, &back))
		require.True(t, session.Time.Equal(back.Time), "%v, %v", session.Time, back.Time)
		back.Time = session.Time
		if utf8.ValidString(id) && utf8.ValidString(username) && (!hasData || utf8.Valid(data)) {
			require.Equal(t, session, back)
		}
	})
}

// FuzzSessionUnmarshalJSON checks that a Session read from any text survives
// being written and read again, and that encoding/json reads the same into a
// plain struct.
func FuzzSessionUnmarshalJSON(f *testing.F) {
	for _, text := range []string{
		`{"session_id":"a","client_id":"1","guest":"0","time":"1445783987","data":"x|N;","userid":"99","username":"steve"}`,
		`{"session_id":"a","client_id":null,"guest":1,"time":1445783987,"data":null,"userid":0,"username":""}`,
		`{"guest":true,"time":"","userid":"-0","client_id":"+1"}`, `{"data":"\ud800"}`, `{"time":"01"}`, `null`, `{}`, `[]`, `{"time":1e3}`,
	} {
		f.Add([]byte(text))
	}
	f.Add([]byte(`{"session_id":5,"userid":"x","username":7,"time":"soon"}`))
	f.Add([]byte(`{"Session_ID":"a","ſession_id":"b","data":"\ud83d\ude00\udc00\"","data":null,"userid":"7"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var first, second capi.Session
		err := json.Unmarshal(text, &first)
		var row, again struct {
			ID       any     `json:"session_id"`
			Data     *string `json:"data"`
			UserID   any     `json:"userid"`
			Username any     `json:"username"`
		}
		plain := json.Unmarshal(text, &row)
		if err != nil {
			assert.Equal(t, capi.Session{}, first, "an error leaves a session as it was")
			return
		}
		require.NoError(t, plain)
		if id, ok := row.ID.(string); ok {
			require.Equal(t, id, first.ID)
		}
		if name, ok := row.Username.(string); ok {
			require.Equal(t, name, first.Username)
		}
		require.Equal(t, row.Data == nil, first.Data == nil)
		if row.Data != nil {
			require.Equal(t, *row.Data, string(first.Data))
		}
		if number, ok := row.UserID.(string); ok {
			value, err := strconv.ParseInt(number, 10, 64)
			if err != nil || strconv.FormatInt(value, 10) != number {
				value = 0 // UnmarshalJSON keeps it as it is.
			}
			require.Equal(t, value, first.UserID)
			written, err := first.MarshalJSON()
			require.NoError(t, err)
			require.NoError(t, json.Unmarshal(written, &again))
			require.Equal(t, number, again.UserID)
		}
		written, err := first.MarshalJSON()
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(written, &second))
		require.Equal(t, first, second)
	})
}

// FuzzPayload checks that State and Decode accept the same payloads, and agree.
func FuzzPayload(f *testing.F) {
	var vectors []struct {
		Stored []byte `json:"stored_base64"`
	}
	require.NoError(f, json.Unmarshal(readFile(f, "testdata/session_payload.json"), &vectors))
	for _, vector := range vectors {
		f.Add(vector.Stored)
	}
	f.Add([]byte(login(7)))
	f.Add([]byte(login(-1, second(1, 0)...)))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := capi.Payload(data).Decode()
		state, stateErr := capi.Payload(data).State()
		require.Equal(t, err, stateErr)
		if err == nil {
			return
		}
		require.Zero(t, state)
		var payloadErr *capi.PayloadError
		require.ErrorAs(t, err, &payloadErr)
		require.GreaterOrEqual(t, payloadErr.Offset, 0)
		require.LessOrEqual(t, payloadErr.Offset, len(data))
	})
}
