package integration_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pb33f/libopenapi"
	"github.com/pb33f/libopenapi-validator/schema_validation"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/internal/joomlatest"
	"github.com/capi-go/capi/page"
)

// TestPageFeedIsAsDescribed validates each line of a feed against the schema of
// page/feed.yaml.
func TestPageFeedIsAsDescribed(t *testing.T) {
	document, err := libopenapi.NewDocument(page.OpenAPI())
	require.NoError(t, err)
	model, err := document.BuildV3Model()
	require.NoError(t, err)
	line, ok := model.Model.Components.Schemas.Get("Line")
	require.True(t, ok)
	schemas := schema_validation.NewSchemaValidator()
	onEach(t, func(t *testing.T, d database) {
		s := newSite(t, d, joomlatest.Joomla42, waitingSite(t))
		site := s.capi(t, nil)
		handler, err := page.Options{Logger: slog.New(slog.DiscardHandler)}.NewHandler(page.Site{
			Store: capi.NewSQLStore(site), Summary: capi.SQLStoreOptions{OmitData: true}.NewSQLStore(site), Joomla: site,
			Auth: capi.AuthorizerFunc(func(*http.Request) error { return nil }),
		})
		require.NoError(t, err)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/capi/feed", nil))
		require.Equal(t, http.StatusOK, w.Code)
		lines := slices.Collect(strings.Lines(w.Body.String()))
		require.Len(t, lines, 5, "time, figures, rows, who waits, whole figures")
		for _, text := range lines {
			valid, errs := schemas.ValidateSchemaString(line.Schema(), text)
			assert.True(t, valid, "%.300s: %v", text, errs)
		}
		assert.JSONEq(t, `{"waiting":[0]}`, lines[3])
		valid, _ := schemas.ValidateSchemaString(line.Schema(), `{"rows":[["an id",0,0,1,"","",0,0,0,-1]]}`)
		assert.False(t, valid, "the schema is one that can fail")
	})
}

// waitingSite returns the recording of a user who has entered the password but
// not the code.
func waitingSite(t *testing.T) *joomlatest.Recording {
	t.Helper()
	for _, c := range joomlatest.SecondFactor() {
		if c.Site == "j6" && c.Name == "record; password only, after a request" {
			return c.Recording
		}
	}
	t.Fatal("no such case")
	return nil
}

// TestSecondFactorUsers compares who waits for the second factor with whom a
// real Joomla asked for it.
func TestSecondFactorUsers(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		for _, c := range joomlatest.SecondFactor() {
			if c.SessionHandler != "database" {
				continue
			}
			s := newSite(t, d, joomlatest.Joomla42, c.Recording)
			sessions, err := capi.Collect(capi.NewSQLStore(s.capi(t, nil)).Sessions(t.Context()))
			require.NoError(t, err)
			require.Len(t, sessions, 1)
			state, err := sessions[0].Data.State()
			require.NoError(t, err)
			asked, err := s.capi(t, nil).SecondFactorUsers(t.Context(), []int64{state.UserID, 0, -1, 1 << 40, state.UserID})
			require.NoError(t, err)
			waits := state.MandatoryMFASetup || !state.MFAChecked && slices.Contains(asked, state.UserID)
			assert.Equal(t, c.Want == http.StatusForbidden, waits, "%s, client %d", c.Name, c.ClientID)
		}
	})
}

// TestSecondFactorUsersOfMany asks for more users than one query takes.
func TestSecondFactorUsersOfMany(t *testing.T) {
	s := newSite(t, mariaDB(), joomlatest.Joomla42, waitingSite(t))
	var ids, want []int64
	for id := int64(10_000); id < 10_300; id++ {
		s.Insert(t, "users", row{"id": strconv.FormatInt(id, 10), "username": "u" + strconv.FormatInt(id, 10), "block": "0", "activation": "",
			"requireReset": "0", "otpKey": ""})
		if ids = append(ids, id); id%3 == 0 {
			s.Insert(t, "user_mfa", row{"user_id": strconv.FormatInt(id, 10), "method": "totp"})
			want = append(want, id)
		}
	}
	asked, err := s.capi(t, nil).SecondFactorUsers(t.Context(), ids)
	require.NoError(t, err)
	assert.Equal(t, want, asked)
	asked, err = s.capi(t, nil).SecondFactorUsers(t.Context(), nil)
	require.NoError(t, err)
	assert.Empty(t, asked)
}

// TestSQLStoreOmitData lists the same sessions without their data.
func TestSQLStoreOmitData(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := newSite(t, d, joomlatest.Joomla42, joomlatest.Recorded("j6"))
		want, err := capi.Collect(capi.NewSQLStore(s.capi(t, nil)).Sessions(t.Context()))
		require.NoError(t, err)
		got, err := capi.Collect(capi.SQLStoreOptions{OmitData: true}.NewSQLStore(s.capi(t, nil)).Sessions(t.Context()))
		require.NoError(t, err)
		held := 0
		for i := range want {
			held += len(want[i].Data)
			want[i].Data = nil
		}
		require.Positive(t, held)
		assert.Equal(t, want, got)
	})
}
