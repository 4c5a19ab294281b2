package capi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

// BenchmarkClient reads a list with a Client, and with encoding/json as a
// whole, into Sessions and into a struct of strings.
func BenchmarkClient(b *testing.B) {
	const rows = 1000
	for name, session := range map[string]capi.Session{
		"serialized": {ID: "0i6fcirbg5vdgmjadiuc6gl4dh", UserID: 42, Username: "steve", Data: bytes.Repeat([]byte(`s:15:"session.counter";i:1;`), 75)},
		"base64":     {ID: "0i6fcirbg5vdgmjadiuc6gl4dh", UserID: 42, Username: "steve", Data: bytes.Repeat([]byte(`TzoyNDoiSm9vbWxhXFJl`), 100)},
	} {
		body := answer(b, repeated(session, rows)...)
		transport := transportFunc(func(r *http.Request) (*http.Response, error) {
			response := httptest.NewRecorder().Result()
			response.Body = io.NopCloser(bytes.NewReader(body))
			return response, nil
		})
		b.Run(fmt.Sprintf("data=%s/reader=Client", name), func(b *testing.B) {
			client := newClient(b, "http://example.org/", capi.ClientOptions{HTTPClient: &http.Client{Transport: transport}})
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				count := 0
				for _, err := range client.Sessions(b.Context()) {
					require.NoError(b, err)
					count++
				}
				require.Equal(b, rows, count)
			}
		})
		b.Run(fmt.Sprintf("data=%s/reader=Unmarshal", name), func(b *testing.B) {
			benchmarkUnmarshal[capi.Session](b, body)
		})
		b.Run(fmt.Sprintf("data=%s/reader=UnmarshalPlain", name), func(b *testing.B) {
			benchmarkUnmarshal[struct {
				ID       string  `json:"session_id"`
				ClientID string  `json:"client_id"`
				Guest    string  `json:"guest"`
				Time     string  `json:"time"`
				Data     *string `json:"data"`
				UserID   string  `json:"userid"`
				Username string  `json:"username"`
			}](b, body)
		})
	}
}

func benchmarkUnmarshal[T any](b *testing.B, body []byte) {
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		var envelope capi.Envelope[[]T]
		require.NoError(b, json.Unmarshal(body, &envelope))
	}
}
