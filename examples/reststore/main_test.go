package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/examples/internal/demo"
	"github.com/capi-go/capi/examples/internal/process"
	"github.com/capi-go/capi/storetest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T, sessions []capi.Session) capi.Store {
		return newStore(t, capi.NewHandler(capi.Sessions(sessions), allow))
	})
}

var allow = capi.AuthorizerFunc(func(*http.Request) error { return nil })

// newStore returns a store of a service that serves handler.
func newStore(t *testing.T, handler http.Handler) *restStore {
	t.Helper()
	service := httptest.NewUnstartedServer(handler)
	service.Config.ErrorLog = log.New(io.Discard, "", 0)
	service.Start()
	client := newClient()
	t.Cleanup(func() {
		client.CloseIdleConnections()
		service.Close()
	})
	return &restStore{client: client, url: service.URL, token: "secret"}
}

func TestAnswersThatAreNoList(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		body   string
		want   error
		rows   int
	}{
		{"refused", 403, `{"msg":"Not authorized.","error":true,"status":403}`, errRefused, 0},
		{"error with status 200", 200, `{"msg":"No.","error":true,"status":403}`, errRefused, 0},
		{"list with error", 200, `{"msg":[{"session_id":"a"}],"error":true}`, errRefused, 1},
		{"no list", 200, `{"error":false,"status":200}`, errRefused, 0},
		{"array", 200, `[{"session_id":"a"}]`, errRefused, 0},
		{"empty", 200, ``, io.ErrUnexpectedEOF, 0},
		{"cut in the list", 200, `{"msg":[{"session_id":"a"},`, io.EOF, 1},
		{"cut after the list", 200, `{"msg":[{"session_id":"a"}],"error":false`, io.ErrUnexpectedEOF, 1},
		{"two answers", 200, `{"msg":[],"error":false}{"msg":[]}`, errRefused, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			store := newStore(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				assert.Equal(t, "secret", r.Header.Get("X-Joomla-Token"))
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			}))
			list, err := capi.Collect(store.Sessions(t.Context()))
			assert.ErrorIs(t, err, c.want)
			assert.Len(t, list, c.rows)
			assert.NotContains(t, err.Error(), "secret")
		})
	}
}

// A list that the service has to cut is cut here too.
func TestCutList(t *testing.T) {
	row := capi.Session{ID: "a", Data: make(capi.Payload, 10<<10)}
	failing := newFailing(row, 100)
	quiet := capi.Config{Logger: slog.New(slog.DiscardHandler)}
	inner, err := quiet.NewHandler(failing, allow)
	require.NoError(t, err)
	store := newStore(t, inner)
	list, err := capi.Collect(store.Sessions(t.Context()))
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	assert.NotEmpty(t, list)

	outer, err := quiet.NewHandler(store, allow)
	require.NoError(t, err)
	_, err = capi.Collect(newStore(t, outer).Sessions(t.Context()))
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

// newFailing returns a store of rows sessions and then an error.
func newFailing(row capi.Session, rows int) capi.Store {
	return capi.StoreFunc(func(context.Context) iter.Seq2[capi.Session, error] {
		return func(yield func(capi.Session, error) bool) {
			for range rows {
				if !yield(row, nil) {
					return
				}
			}
			yield(capi.Session{}, errors.New("the database went away"))
		}
	})
}

func TestProgram(t *testing.T) {
	program := process.Start(t, process.Build(t), "-addr", "127.0.0.1:0")
	token := regexp.MustCompile(`Bearer \w+`).FindString(program.Output())
	status, body, _ := program.Get(t, demo.Path, "Authorization", token)
	require.Equal(t, http.StatusOK, status)
	var list capi.Envelope[[]capi.Session]
	require.NoError(t, json.Unmarshal([]byte(body), &list))
	assert.Greater(t, len(list.Msg), 100)

	status, _, _ = program.Get(t, demo.Path, "Authorization", token+"x")
	assert.Equal(t, http.StatusUnauthorized, status)
	program.Interrupt(t)
}
