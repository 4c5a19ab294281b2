package capi_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/storetest"
)

// saying answers with status and body.
func saying(status int, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
}

func TestClientIsAStore(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		t.Run(fmt.Sprintf("HTTP2=%v", http2), func(t *testing.T) {
			storetest.Run(t, func(t *testing.T, sessions []capi.Session) capi.Store {
				config, _ := logged()
				server := serve(t, newHandler(t, config, capi.Sessions(sessions), answering(nil)), http2)
				return newClient(t, server.URL, capi.ClientOptions{HTTPClient: server.Client()})
			})
		})
	}
}

// byNumber returns an envelope as release 1.3.6 of cAPI writes it.
func byNumber(t *testing.T, envelope []byte) string {
	var list struct {
		Msg []json.RawMessage `json:"msg"`
	}
	require.NoError(t, json.Unmarshal(envelope, &list))
	text := "{"
	for i, row := range list.Msg {
		text += fmt.Sprintf(`"%d":%s,`, i, row)
	}
	return text + `"error":false,"status":200}`
}

func TestClientReadsEveryForm(t *testing.T) {
	contract := readFile(t, "testdata/contract.json")
	var want capi.Envelope[[]capi.Session]
	require.NoError(t, json.Unmarshal(contract, &want))
	numbers := strings.NewReplacer(`"client_id":"0"`, `"client_id":0`, `"client_id":"1"`, `"client_id":1`, `"guest":"0"`, `"guest":0`,
		`"guest":"1"`, `"guest":1`, `"time":"1445780780"`, `"time":1445780780`, `"userid":"0"`, `"userid":0`, `"userid":"99"`, `"userid":99`)
	for name, body := range map[string]string{
		"documented original": string(contract),
		"release 1.3.6":       byNumber(t, contract),
		"Joomla 4 and later":  numbers.Replace(string(contract)),
		"this library":        string(answer(t, want.Msg...)),
	} {
		t.Run(name, func(t *testing.T) {
			server := serve(t, saying(200, body), false)
			got, err := capi.Collect(newClient(t, server.URL, capi.ClientOptions{}).Sessions(t.Context()))
			require.NoError(t, err)
			assert.Equal(t, want.Msg, got)
		})
	}
}

func TestClientAnswersThatAreNoList(t *testing.T) {
	const list = `{"msg":[{"session_id":"a"}],"error":false,"status":200}`
	response := func(status int, message string) *capi.ResponseError {
		return &capi.ResponseError{StatusCode: status, Message: message}
	}
	for _, tt := range []struct {
		name   string
		status int
		body   string
		want   *capi.ResponseError // nil: some other error
		is     error
		rows   int
	}{
		{"401", 401, `{"msg":"Not authenticated.","error":true,"status":401}`, response(401, "Not authenticated."), capi.ErrUnauthenticated, 0},
		{"403", 403, `{"msg":"Not authorized.","error":true,"status":403}`, response(403, "Not authorized."), capi.ErrForbidden, 0},
		{"403 of release 1.3.6", 403, `{"msg":"Not authorized.","error":false,"status":403}`, response(403, "Not authorized."), capi.ErrForbidden, 0},
		{"403 with status 200", 200, `{"msg":"No.","error":true,"status":403}`, response(403, "No."), capi.ErrForbidden, 0},
		{"error with status 200", 200, `{"msg":"marker","error":true,"status":200}`, response(200, "marker"), nil, 0},
		{"500", 500, `{"msg":"Internal server error.","error":true,"status":500}`, response(500, "Internal server error."), nil, 0},
		{"502 in HTML", 502, `<html>marker</html>`, response(502, ""), nil, 0},
		{"503 without a body", 503, ``, response(503, ""), nil, 0},
		{"206", 206, list, response(206, ""), nil, 0},
		{"500 with a list", 500, list, response(500, ""), nil, 0},
		{"long message", 400, `{"msg":"` + strings.Repeat("é", 1000) + `"}`, response(400, strings.Repeat("é", 512)), nil, 0},
		{"message without an end", 400, `{"msg":"` + strings.Repeat("x", 1<<20), response(400, ""), nil, 0},
		{"list, and then an error", 200, `{"msg":[{"session_id":"a"}],"error":true,"status":500}`, response(500, ""), nil, 1},

		{"login page", 200, `<!DOCTYPE html><title>marker</title>`, nil, nil, 0},
		{"something follows", 200, list + "marker", nil, nil, 1},
		{"cut", 200, list[:len(list)-1], nil, io.ErrUnexpectedEOF, 1},
		{"empty", 200, "", nil, io.ErrUnexpectedEOF, 0},
		{"session id of another type", 200, `{"msg":[{"session_id":["marker"]}]`, nil, nil, 0},
		{"time of another type", 200, `{"msg":[{"time":["marker"]}]`, nil, nil, 0},
		{"data of another type", 200, `{"msg":[{"data":{"x":"marker"}}]`, nil, nil, 0},
		{"too large", 200, `{"msg":[{"data":"` + strings.Repeat("marker", 1<<12), nil, nil, 0},
		{"too deep", 200, `{"msg":[{"x":` + strings.Repeat("[", 1000), nil, nil, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := serve(t, saying(tt.status, tt.body), false)
			client := newClient(t, server.URL+"?token=marker", capi.ClientOptions{APIToken: capi.NewSecret("marker"), MaxSessionSize: 8 << 10})
			rows, err := capi.Collect(client.Sessions(t.Context()))
			require.Error(t, err)
			assert.Len(t, rows, tt.rows)
			assert.NotContains(t, err.Error(), "marker")
			assert.ErrorContains(t, err, "capi: ")
			var got *capi.ResponseError
			errors.As(err, &got)
			assert.Equal(t, tt.want, got)
			for _, sentinel := range []error{capi.ErrUnauthenticated, capi.ErrForbidden, io.ErrUnexpectedEOF} {
				assert.Equal(t, sentinel == tt.is, errors.Is(err, sentinel), sentinel)
			}
		})
	}
}

// The server breaks the connection, or its answer is not HTTP.
func TestClientBrokenConnections(t *testing.T) {
	for name, tt := range map[string]struct {
		text string
		is   error
	}{
		"no answer":            {"", io.ErrUnexpectedEOF},
		"shorter than it said": {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + `{"msg":[],"error":false,"status":200}`, io.ErrUnexpectedEOF},
		"cut between chunks":   {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n25\r\n" + `{"msg":[],"error":false,"status":200}` + "\r\n", io.ErrUnexpectedEOF},
		"cut gzip":             {"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x00", io.ErrUnexpectedEOF},
		"no gzip":              {"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nmarker marker marker", gzip.ErrHeader},
		"no HTTP":              {"marker\r\n\r\n", nil},
		"bad header":           {"HTTP/1.1 200 OK\r\nmarker\r\n\r\n", nil},
		"bad redirect":         {"HTTP/1.1 302 Found\r\nLocation: http://marker:port/\r\nContent-Length: 0\r\n\r\n", nil},
		"bad chunk":            {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nmarker\r\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			defer listener.Close()
			go func() {
				for {
					conn, err := listener.Accept()
					if err != nil {
						return
					}
					_, _ = http.ReadRequest(bufio.NewReader(conn))
					_, _ = io.WriteString(conn, tt.text)
					_ = conn.Close()
				}
			}()
			client := newClient(t, "http://"+listener.Addr().String()+"/?token=marker", capi.ClientOptions{})
			_, err = capi.Collect(client.Sessions(t.Context()))
			require.Error(t, err)
			assert.NotContains(t, err.Error(), "marker")
			if tt.is != nil {
				assert.ErrorIs(t, err, tt.is)
			}
		})
	}
}

func TestClientCutList(t *testing.T) {
	config, _ := logged()
	inner := serve(t, newHandler(t, config, failing(100, 10<<10, errors.New("the database went away")), answering(nil)), false)
	client := newClient(t, inner.URL, capi.ClientOptions{})
	list, err := capi.Collect(client.Sessions(t.Context()))
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	assert.NotEmpty(t, list)

	// Whoever passes the list on also cuts it.
	config, _ = logged()
	outer := serve(t, newHandler(t, config, client, answering(nil)), false)
	_, err = capi.Collect(newClient(t, outer.URL, capi.ClientOptions{}).Sessions(t.Context()))
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

// hanging sends text, and then nothing until the client is gone.
func hanging(text string, status int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status != 0 {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, text)
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done()
	})
}

func TestClientSlowServers(t *testing.T) {
	const list = `{"msg":[{"session_id":"a"}],"error":false,"status":200}`
	for _, tt := range []struct {
		name   string
		text   string
		status int
		rows   int
	}{
		{"no answer", "", 0, 0},
		{"no body", "", 200, 0},
		{"between sessions", `{"msg":[{"session_id":"a"},`, 200, 1},
		{"in a session", `{"msg":[{"session_id":"a"},{"session_id":"`, 200, 1},
		{"after the list", list, 200, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := serve(t, hanging(tt.text, tt.status), false)
			client := newClient(t, server.URL, capi.ClientOptions{StallTimeout: time.Hour})
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			_, err := capi.Collect(client.Sessions(ctx))
			assert.ErrorIs(t, err, context.DeadlineExceeded)

			client = newClient(t, server.URL, capi.ClientOptions{StallTimeout: 200 * time.Millisecond})
			_, err = capi.Collect(client.Sessions(t.Context()))
			assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
			assert.NotErrorIs(t, err, context.Canceled)
		})
	}
	t.Run("refusal", func(t *testing.T) {
		server := serve(t, hanging(`{"msg":"`, 403), false)
		_, err := capi.Collect(newClient(t, server.URL, capi.ClientOptions{StallTimeout: 100 * time.Millisecond}).Sessions(t.Context()))
		assert.ErrorIs(t, err, capi.ErrForbidden)
	})
}

func TestClientEndsAnEndlessList(t *testing.T) {
	store, ended := endless()
	config, _ := logged()
	server := serve(t, newHandler(t, config, store, answering(nil)), false)
	client := newClient(t, server.URL, capi.ClientOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	count := 0
	var last error
	for _, err := range client.Sessions(ctx) {
		if last = err; err == nil {
			if count++; count == 100 {
				cancel()
			}
		}
	}
	assert.ErrorIs(t, last, context.Canceled)
	assert.Equal(t, 100, count, "what was read ahead is not given out")
	within(t, ended, "the server reads on")
}

func TestClientEarlyBreakEndsTheServer(t *testing.T) {
	store, ended := endless()
	config, _ := logged()
	server := serve(t, newHandler(t, config, store, answering(nil)), false)
	for range newClient(t, server.URL, capi.ClientOptions{}).Sessions(t.Context()) {
		break
	}
	within(t, ended, "the server reads on")
}

func TestClientCredentials(t *testing.T) {
	var got http.Header
	server := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header
		saying(200, string(answer(t))).ServeHTTP(w, r)
	}), false)
	credentials := []string{"Cookie", "Authorization", "X-Joomla-Token", "Token"}
	for name, tt := range map[string]struct {
		config capi.ClientOptions
		want   http.Header
	}{
		"none":       {capi.ClientOptions{}, headers()},
		"cookie":     {capi.ClientOptions{Cookie: capi.NewSecret("a=b=c")}, headers("Cookie", "a=b=c")},
		"API token":  {capi.ClientOptions{APIToken: capi.NewSecret("t")}, headers("Authorization", "Bearer t", "X-Joomla-Token", "t")},
		"cAPI token": {capi.ClientOptions{CAPIToken: capi.NewSecret("t")}, headers("Token", "t")},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := capi.Collect(newClient(t, server.URL, tt.config).Sessions(t.Context()))
			require.NoError(t, err)
			sent := headers()
			for _, name := range credentials {
				if value := got.Get(name); value != "" {
					sent.Set(name, value)
				}
			}
			assert.Equal(t, tt.want, sent)
		})
	}
}

func TestClientRedirects(t *testing.T) {
	other := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("another port was asked") }), false)
	list := string(answer(t, capi.Session{ID: "a"}))
	mux := http.NewServeMux()
	mux.HandleFunc("/list", func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "secret", r.Header.Get("Token"))
		assert.Empty(t, r.Header.Get("Authorization"), "from user:password@ in a redirect")
		_, _ = io.WriteString(w, list)
	})
	mux.HandleFunc("/to", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", r.URL.Query().Get("url"))
		w.WriteHeader(307)
	})
	server := serve(t, mux, false)
	secure := httptest.NewTLSServer(mux)
	defer secure.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	for _, tt := range []struct {
		name, base, target string
		ok                 bool
	}{
		{"path", server.URL, "/list", true},
		{"same host", server.URL, server.URL + "/list", true},
		{"with a user", server.URL, "http://user:password@" + host + "/list", true},
		{"two", server.URL, "/to?url=/list", true},
		{"around", server.URL, "/to?url=/to", false},
		{"another port", server.URL, other.URL, false},
		{"another host", server.URL, strings.Replace(other.URL, "127.0.0.1", "localhost", 1), false},
		{"same port of another host", server.URL, strings.Replace(server.URL, "127.0.0.1", "localhost", 1) + "/list", false},
		{"from https to http", secure.URL, strings.Replace(secure.URL, "https", "http", 1) + "/list", false},
		{"another scheme", server.URL, "file:///etc/passwd", false},
		{"nowhere", server.URL, "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			config := capi.ClientOptions{CAPIToken: capi.NewSecret("secret"), HTTPClient: secure.Client()}
			client := newClient(t, tt.base+"/to?url="+tt.target, config)
			_, err := capi.Collect(client.Sessions(t.Context()))
			if tt.ok {
				require.NoError(t, err)
				return
			}
			require.Error(t, err)
			assert.NotContains(t, err.Error(), "url=")
		})
	}
	t.Run("to https", func(t *testing.T) {
		var asked []string
		transport := transportFunc(func(r *http.Request) (*http.Response, error) {
			asked = append(asked, r.URL.String())
			assert.Equal(t, "secret", r.Header.Get("Token"))
			w := httptest.NewRecorder()
			if r.URL.Scheme == "http" {
				w.Header().Set("Location", "https://example.org:443/list")
				w.WriteHeader(301)
			} else {
				w.WriteString(list)
			}
			return w.Result(), nil
		})
		client := newClient(t, "http://example.org/list", capi.ClientOptions{CAPIToken: capi.NewSecret("secret"), HTTPClient: &http.Client{Transport: transport}})
		_, err := capi.Collect(client.Sessions(t.Context()))
		require.NoError(t, err)
		assert.Equal(t, []string{"http://example.org/list", "https://example.org:443/list"}, asked)
	})
}

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A URL without a path gets the path of the contract.
func TestClientFindsThePath(t *testing.T) {
	var asked string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.RequestURI
		assert.NoError(t, capi.WriteEnvelope(w, http.StatusOK, []capi.Session{}))
	}))
	defer server.Close()
	for given, want := range map[string]string{
		"":                   "/api/v1/user/sessions",
		"/":                  "/api/v1/user/sessions",
		"?token=a%20b":       "/api/v1/user/sessions?token=a%20b",
		"/joomla/":           "/joomla/",
		"/api%2Fv1?token=ab": "/api%2Fv1?token=ab",
	} {
		_, err := capi.Collect(newClient(t, server.URL+given, capi.ClientOptions{}).Sessions(t.Context()))
		require.NoError(t, err)
		assert.Equal(t, want, asked)
	}
}

func TestClientGzip(t *testing.T) {
	want := []capi.Session{{ID: "a", Data: bytes.Repeat([]byte("x"), 1<<20)}}
	body := answer(t, want...)
	server := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "gzip", r.Header.Get("Accept-Encoding"))
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = z.Write(body)
		_ = z.Close()
	}), false)
	got, err := capi.Collect(newClient(t, server.URL, capi.ClientOptions{}).Sessions(t.Context()))
	require.NoError(t, err)
	assert.Equal(t, want, got)

	// A small answer may be large once decompressed.
	_, err = capi.Collect(newClient(t, server.URL, capi.ClientOptions{MaxSessionSize: 1 << 20}).Sessions(t.Context()))
	assert.ErrorContains(t, err, "larger than the limit")
}

func TestClientConfigNewClientRefuses(t *testing.T) {
	for url, problem := range map[string]string{
		"":                           "http(s)",
		"/api/v1/user/sessions":      "http(s)",
		"ftp://example.org/":         "http(s)",
		"http:///path":               "http(s)",
		"http://[marker":             "malformed",
		"http://user:marker@a.org/x": "user or password",
	} {
		_, err := capi.ClientOptions{}.NewClient(url)
		require.ErrorContains(t, err, problem)
		assert.NotContains(t, err.Error(), "marker")
	}
	config := capi.ClientOptions{
		Cookie: capi.NewSecret("marker"), APIToken: capi.NewSecret("marker\n"), CAPIToken: capi.NewSecret("marker é"),
		StallTimeout: -1, MaxSessionSize: -1,
	}
	_, err := config.NewClient("http://example.org/")
	for _, field := range []string{"Cookie", "ClientOptions.APIToken", "CAPIToken", "StallTimeout", "MaxSessionSize"} {
		assert.ErrorContains(t, err, field)
	}
	assert.NotContains(t, err.Error(), "marker")
}

func TestClientDefaultHTTPClient(t *testing.T) {
	server := serve(t, capi.NewHandler(capi.Sessions{{ID: "a"}}, answering(nil)), false)
	client, err := capi.ClientOptions{}.NewClient(server.URL)
	require.NoError(t, err)
	got, err := capi.Collect(client.Sessions(t.Context()))
	require.NoError(t, err)
	assert.Equal(t, []capi.Session{{ID: "a"}}, got)

	server.Close()
	_, err = capi.Collect(client.Sessions(t.Context()))
	assert.ErrorContains(t, err, "connection refused")

	_, err = capi.Collect(new(capi.Client).Sessions(t.Context()))
	assert.Error(t, err)
}

func TestClientDoesNotPrintSecrets(t *testing.T) {
	config := capi.ClientOptions{Cookie: capi.NewSecret("a=marker"), APIToken: capi.NewSecret("marker"), CAPIToken: capi.NewSecret("marker")}
	client := newClient(t, "http://example.org/?token=marker", config)
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		assert.NotContains(t, fmt.Sprintf(format, client)+fmt.Sprintf(format, *client)+fmt.Sprintf(format, config), "marker", format)
	}
}
