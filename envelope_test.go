package capi_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

// testdata/contract.json is the contract's own example, as PHP's json_encode
// writes it.
func TestHandlerContractExample(t *testing.T) {
	want := readFile(t, "testdata/contract.json")
	var envelope capi.Envelope[[]capi.Session]
	require.NoError(t, json.Unmarshal(want, &envelope))
	require.Len(t, envelope.Msg, 2)
	assert.False(t, envelope.Error)
	assert.Equal(t, 200, envelope.Status)

	first, second := envelope.Msg[0], envelope.Msg[1]
	assert.Equal(t, "09330c9f0999649789391191fab99269", first.ID)
	assert.Equal(t, capi.ClientSite, first.ClientID)
	assert.True(t, first.Guest)
	assert.Equal(t, time.Date(2015, 10, 25, 13, 46, 20, 0, time.UTC), first.Time)
	assert.True(t, bytes.HasPrefix(first.Data, []byte(`__default|a:9:{s:15:"session.counter";i:1;`)))
	assert.Zero(t, first.UserID)
	assert.Empty(t, first.Username)
	assert.Equal(t, capi.ClientAdministrator, second.ClientID)
	assert.False(t, second.Guest)
	assert.EqualValues(t, 99, second.UserID)
	assert.Equal(t, "steve", second.Username)

	server := serve(t, capi.NewHandler(capi.Sessions(envelope.Msg), answering(nil)), false)
	response, err := server.Client().Get(server.URL + "/api/v1/user/sessions")
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(body))
	response.Header.Del("Date")
	response.Header.Del("Content-Length")
	assert.Equal(t, headers(withBody...), response.Header)
}

// internal/phpjson/testdata/json_encode.json has strings, and the output of PHP
// 8.2's json_encode for them.
func TestHandlerWritesStringsAsPHP(t *testing.T) {
	var vectors []struct {
		Input []byte  `json:"input_base64"`
		JSON  *string `json:"json_encode"`
	}
	require.NoError(t, json.Unmarshal(readFile(t, "internal/phpjson/testdata/json_encode.json"), &vectors))
	valid := 0
	for _, v := range vectors {
		session := capi.Session{ID: string(v.Input), Data: append(capi.Payload{}, v.Input...), Username: string(v.Input)}
		body := answer(t, session)
		if v.JSON == nil {
			assert.False(t, utf8.Valid(v.Input))
			require.True(t, json.Valid(body), "%q", v.Input)
			assert.GreaterOrEqual(t, strings.Count(string(body), `\ufffd`), 3, "%q", v.Input)
			assert.True(t, bytes.IndexFunc(body, func(r rune) bool { return r > 0x7f }) < 0, "%q", v.Input)
			continue
		}
		valid++
		assert.Equal(t, `{"msg":[{"session_id":`+*v.JSON+`,"client_id":"0","guest":"0","time":"0","data":`+*v.JSON+
			`,"userid":"0","username":`+*v.JSON+`}],"error":false,"status":200}`, string(body))
	}
	assert.NotZero(t, valid)
	assert.NotEqual(t, len(vectors), valid)
}

// variousSessions returns sessions of every kind, more than fit into a buffer
// of the writer.
func variousSessions() []capi.Session {
	sessions := []capi.Session{
		{},
		{ID: "id", Guest: true, Time: time.Unix(1795489075, 0).UTC(), Data: capi.Payload{}},
		{ClientID: capi.ClientSite, UserID: math.MaxInt64, Username: "é/\\\"\x00\x7f\u2028😀"},
		{ClientID: 7, UserID: math.MinInt64, Time: time.Unix(-5, 0).UTC()},
	}
	for i := range 100 {
		sessions = append(sessions, capi.Session{ID: fmt.Sprint(i), Data: bytes.Repeat([]byte("日本/\n"), 37*i)})
	}
	return sessions
}

func TestHandlerWritesMarshalJSON(t *testing.T) {
	var sessions []string
	for _, session := range variousSessions() {
		text, err := session.MarshalJSON()
		require.NoError(t, err)
		sessions = append(sessions, string(text))
	}
	want := `{"msg":[` + strings.Join(sessions, ",") + `],"error":false,"status":200}`
	assert.Equal(t, want, string(answer(t, variousSessions()...)))
}

func TestEnvelopeReadsList(t *testing.T) {
	want := variousSessions()
	var envelope capi.Envelope[[]capi.Session]
	require.NoError(t, json.Unmarshal(answer(t, want...), &envelope))
	assert.Equal(t, capi.Envelope[[]capi.Session]{Msg: want, Status: 200}, envelope)
}

func TestWriteEnvelope(t *testing.T) {
	type message struct {
		Path  string `json:"path"`
		Count int    `json:"count"`
	}
	tests := []struct {
		name   string
		status int
		msg    any
		want   string
	}{
		{"text", 200, "Done.", `{"msg":"Done.","error":false,"status":200}`},
		{"error", 404, "Not found.", `{"msg":"Not found.","error":true,"status":404}`},
		{"last status that is none", 399, "", `{"msg":"","error":false,"status":399}`},
		{"first status that is one", 400, "", `{"msg":"","error":true,"status":400}`},
		{"slashes", 200, message{"a/b//c", -3}, `{"msg":{"path":"a\/b\/\/c","count":-3},"error":false,"status":200}`},
		{"slashes in keys", 200, map[string]bool{"a/é": true}, `{"msg":{"a\/\u00e9":true},"error":false,"status":200}`},
		{"backslashes", 200, `\/ \\u00e9 "`, `{"msg":"\\\/ \\\\u00e9 \"","error":false,"status":200}`},
		{"unicode", 201, "é日😀\u2028", `{"msg":"\u00e9\u65e5\ud83d\ude00\u2028","error":false,"status":201}`},
		{"no HTML escapes", 200, "<a>&'", `{"msg":"<a>&'","error":false,"status":200}`},
		{"control characters", 200, "\x00\b\t\n\f\r\x1f\x7f", `{"msg":"\u0000\b\t\n\f\r\u001f` + "\x7f" + `","error":false,"status":200}`},
		{"invalid UTF-8", 200, "a\xffb", `{"msg":"a\ufffdb","error":false,"status":200}`},
		{"nil", 200, nil, `{"msg":null,"error":false,"status":200}`},
		{"numbers", 200, []any{1, 2.5, true}, `{"msg":[1,2.5,true],"error":false,"status":200}`},
		{"raw", 200, json.RawMessage(`{ "a" : "/" }`), `{"msg":{"a":"\/"},"error":false,"status":200}`},
		{"session", 200, capi.Session{ID: "a/<é"},
			`{"msg":{"session_id":"a\/<\u00e9","client_id":"0","guest":"0","time":"0","data":null,"userid":"0","username":""},` +
				`"error":false,"status":200}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			require.NoError(t, capi.WriteEnvelope(w, tt.status, tt.msg))
			assert.Equal(t, tt.status, w.Code)
			assert.Equal(t, tt.want, w.Body.String())
			assert.Equal(t, headers(withBody[:6]...), w.Header())
		})
	}
}

func TestWriteEnvelopeMarshalError(t *testing.T) {
	w := httptest.NewRecorder()
	err := capi.WriteEnvelope(w, http.StatusTeapot, func() {})
	var unsupported *json.UnsupportedTypeError
	require.ErrorAs(t, err, &unsupported)
	assert.ErrorContains(t, err, "capi: ")
	assert.Empty(t, w.Body.String())
	assert.Empty(t, w.Header())
	assert.Equal(t, 200, w.Code, "no status was written")
	assert.False(t, w.Flushed)
}

func TestWriteEnvelopeWriterError(t *testing.T) {
	errPipe := errors.New("broken pipe")
	w := &chunks{header: http.Header{}, err: errPipe}
	require.NoError(t, capi.WriteEnvelope(w, 200, "the first write is good"))
	err := capi.WriteEnvelope(w, 200, "the second is not")
	require.ErrorIs(t, err, errPipe)
	assert.ErrorContains(t, err, "capi: ")
}

func TestEnvelopeReadsError(t *testing.T) {
	w := httptest.NewRecorder()
	require.NoError(t, capi.WriteEnvelope(w, 403, "Not authorized."))
	var envelope capi.Envelope[string]
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &envelope))
	assert.Equal(t, capi.Envelope[string]{Msg: "Not authorized.", Error: true, Status: 403}, envelope)
}
