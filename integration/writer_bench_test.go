package integration_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/bytedance/sonic"
	experimental "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	goccy "github.com/goccy/go-json"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

// discard is a client that takes everything at once.
type discard struct {
	header http.Header
	io.Writer
}

func (d discard) Header() http.Header { return d.header }
func (d discard) WriteHeader(int)     {}

// phpString is a string that go-json-experiment is made to write as PHP does,
// the way that one would.
type phpString string

func (s phpString) MarshalJSONTo(e *jsontext.Encoder) error {
	const hex = "0123456789abcdef"
	b := append(e.AvailableBuffer(), '"')
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == '"' || c == '\\' || c == '/':
			b = append(b, '\\', c)
			i++
		case c >= ' ' && c < utf8.RuneSelf:
			b = append(b, c)
			i++
		case c >= '\b' && c <= '\r' && c != '\v':
			b = append(b, '\\', "btn-fr"[c-'\b'])
			i++
		default:
			r, size := utf8.DecodeRuneInString(string(s[i:]))
			if r == utf8.RuneError && size == 1 {
				size = replacedByPHP(string(s[i:]))
			}
			for _, unit := range utf16.AppendRune(nil, r) {
				b = append(b, '\\', 'u', hex[unit>>12], hex[unit>>8&0xF], hex[unit>>4&0xF], hex[unit&0xF])
			}
			i += size
		}
	}
	return e.WriteValue(append(b, '"'))
}

// replacedByPHP returns how many bytes of s, which begins with invalid ones,
// PHP replaces together: as many as the first calls for, but none that may
// begin a sequence.
func replacedByPHP(s string) int {
	size := 1
	switch c := s[0]; {
	case c >= 0xF0 && c <= 0xF4:
		size = 4
	case c >= 0xE0 && c <= 0xEF:
		size = 3
	case c >= 0xC2 && c <= 0xDF:
		size = 2
	}
	for n := 1; n < size; n++ {
		if n == len(s) || s[n] < utf8.RuneSelf || s[n] >= 0xC2 && s[n] <= 0xF4 {
			return n
		}
	}
	return size
}

// wireSession and wireEnvelope are the contract as a struct for encoders.
type wireSession[T ~string] struct {
	ID       T `json:"session_id"`
	ClientID T `json:"client_id"`
	Guest    T `json:"guest"`
	Time     T `json:"time"`
	Data     T `json:"data"`
	UserID   T `json:"userid"`
	Username T `json:"username"`
}

type wireEnvelope[T ~string] struct {
	Msg    []wireSession[T] `json:"msg"`
	Error  bool             `json:"error"`
	Status int              `json:"status"`
}

func wire[T ~string](sessions capi.Sessions) wireEnvelope[T] {
	envelope := wireEnvelope[T]{Status: http.StatusOK}
	for _, s := range sessions {
		guest := T("0")
		if s.Guest {
			guest = "1"
		}
		envelope.Msg = append(envelope.Msg, wireSession[T]{T(s.ID), T(fmt.Sprint(int64(s.ClientID))), guest,
			T(fmt.Sprint(s.Time.Unix())), T(s.Data), T(fmt.Sprint(s.UserID)), T(s.Username)})
	}
	return envelope
}

// BenchmarkWriter writes a list that is already in memory, next to the public
// encoders, PHP's json_encode and a copy of the same bytes. Those with same=yes
// write PHP's bytes; the others write other JSON of the same meaning, with less
// escaped.
func BenchmarkWriter(b *testing.B) {
	const rows = 1000
	names, kinds := textKinds(b)
	for _, kind := range names {
		random := rand.NewChaCha8([32]byte{})
		var sessions capi.Sessions
		size := int64(0)
		for i := range rows {
			sessions = append(sessions, capi.Session{ID: fmt.Sprintf("%026x", random.Uint64()), Guest: i%2 == 0,
				Time: time.Unix(1795489076, 0), Data: capi.Payload(kinds[kind](random)), UserID: int64(i), Username: "user"})
			size += int64(len(sessions[i].Data)) + 50
		}
		strings, phpStrings := wire[string](sessions), wire[phpString](sessions)
		handler := capi.NewHandler(sessions, anyone)
		request, err := http.NewRequest(http.MethodGet, "/", nil)
		require.NoError(b, err)
		var want bytes.Buffer
		handler.ServeHTTP(discard{http.Header{}, &want}, request)

		var copied []byte
		writers := []struct {
			name, same string
			write      func(w io.Writer) error
		}{
			{"capi", "yes", func(w io.Writer) error {
				handler.ServeHTTP(discard{http.Header{}, w}, request)
				return nil
			}},
			{"encoding-json", "no", func(w io.Writer) error { return json.NewEncoder(w).Encode(strings) }},
			{"go-json-experiment-with-hooks", "yes", func(w io.Writer) error {
				return experimental.MarshalWrite(w, phpStrings, jsontext.PreserveRawStrings(true))
			}},
			{"goccy", "no", func(w io.Writer) error {
				text, err := goccy.MarshalWithOption(strings, goccy.DisableHTMLEscape())
				if err == nil {
					_, err = w.Write(text)
				}
				return err
			}},
			{"sonic", "no", func(w io.Writer) error {
				text, err := sonic.Marshal(strings)
				if err == nil {
					_, err = w.Write(text)
				}
				return err
			}},
			{"copy", "yes", func(w io.Writer) error {
				copied = append(copied[:0], want.Bytes()...)
				_, err := w.Write(copied)
				return err
			}},
		}
		for _, writer := range writers {
			b.Run(fmt.Sprintf("data=%s/impl=%s/same=%s", kind, writer.name, writer.same), func(b *testing.B) {
				var got bytes.Buffer
				require.NoError(b, writer.write(&got))
				require.Equal(b, writer.same == "yes", bytes.Equal(want.Bytes(), got.Bytes()))
				require.True(b, json.Valid(got.Bytes()))
				b.SetBytes(size)
				b.ReportAllocs()
				for b.Loop() {
					require.NoError(b, writer.write(io.Discard))
				}
			})
		}
		b.Run(fmt.Sprintf("data=%s/impl=php/same=yes", kind), func(b *testing.B) {
			php := newPHPEncoder(b, strings)
			var got bytes.Buffer
			_, err := php.encode(&got)
			require.NoError(b, err)
			require.True(b, bytes.Equal(want.Bytes(), got.Bytes()))
			var all time.Duration
			for b.Loop() {
				taken, err := php.encode(nil)
				require.NoError(b, err)
				all += taken
			}
			// What counts is the time in PHP, without the way there.
			b.ReportMetric(float64(all.Nanoseconds())/float64(b.N), "ns/op")
			b.ReportMetric(float64(size)*float64(b.N)/1e6/all.Seconds(), "MB/s")
		})
	}
}
