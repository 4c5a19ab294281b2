package integration_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
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
		require.Len(t, lines, 7, "time, figures, rows, groups, users, who waits, whole figures")
		for _, text := range lines {
			valid, errs := schemas.ValidateSchemaString(line.Schema(), text)
			assert.True(t, valid, "%.300s: %v", text, errs)
		}
		assert.JSONEq(t, `{"waiting":[0]}`, lines[5])
		valid, _ := schemas.ValidateSchemaString(line.Schema(), `{"rows":[["an id",0,0,1,"","",0,0,0,-1]]}`)
		assert.False(t, valid, "the schema is one that can fail")
	})
}

// TestPageUsers reads who the users of a feed are, and compares them with the
// query of Joomla's module "Logged-in Users"
// (Joomla\Module\Logged\Administrator\Helper\LoggedHelper::getList).
func TestPageUsers(t *testing.T) {
	type user struct {
		ID             int64
		Username, Name string
		Flags          int
		Groups         []int64
	}
	onEach(t, func(t *testing.T, d database) {
		s := newSite(t, d, joomlatest.Joomla42, joomlatest.Recorded("j6"))
		site := s.capi(t, nil)
		handler, err := page.Options{Logger: slog.New(slog.DiscardHandler)}.NewHandler(page.Site{
			Store: capi.NewSQLStore(site), Joomla: site, Auth: capi.AuthorizerFunc(func(*http.Request) error { return nil }),
		})
		require.NoError(t, err)
		read := func() (users map[int64]user, groups map[int64]string, rows, ended int) {
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/feed", nil))
			users, groups = map[int64]user{}, map[int64]string{}
			for text := range strings.Lines(w.Body.String()) {
				var line struct {
					Rows          []json.RawMessage
					Ended         []int
					Groups, Users [][]json.RawMessage
				}
				require.NoError(t, json.Unmarshal([]byte(text), &line))
				rows += len(line.Rows)
				ended += len(line.Ended)
				for _, group := range line.Groups {
					var id int64
					var title string
					decode(t, group, &id, &title)
					groups[id] = title
				}
				for _, told := range line.Users {
					var u user
					decode(t, told, &u.ID, &u.Username, &u.Name, &u.Flags, &u.Groups)
					users[u.ID] = u
				}
			}
			return users, groups, rows, ended
		}
		module := func() (counted int, users map[int64][2]string) {
			users = map[int64][2]string{}
			found, err := s.DB.QueryContext(t.Context(), s.SQL(`SELECT u."id", u."name", u."username" FROM "#__session" AS s
				LEFT JOIN "#__users" AS u ON s."userid" = u."id" WHERE s."guest" = 0`))
			require.NoError(t, err)
			defer found.Close()
			for found.Next() {
				var id sql.NullInt64
				var name, username sql.NullString
				require.NoError(t, found.Scan(&id, &name, &username))
				if counted++; id.Valid {
					users[id.Int64] = [2]string{name.String, username.String}
				}
			}
			require.NoError(t, found.Err())
			return counted, users
		}
		same := func() (users map[int64]user, ended int) {
			t.Helper()
			users, _, rows, ended := read()
			counted, want := module()
			assert.Equal(t, counted, rows, "as many sessions of people")
			got := map[int64][2]string{}
			for id, u := range users {
				got[id] = [2]string{u.Name, u.Username}
			}
			assert.Equal(t, want, got)
			return users, ended
		}

		users, ended := same()
		require.Greater(t, len(users), 2)
		assert.Zero(t, ended)
		_, titles, _, _ := read()
		var ids []int64
		for id, u := range users {
			ids = append(ids, id)
			assert.Equal(t, u.Username == "super_blocked", u.Flags&2 != 0, u.Username)
			switch u.Username {
			case "super":
				assert.Equal(t, "Super Users", titles[u.Groups[0]])
				fallthrough
			case "user_rule_allow":
				assert.Equal(t, 1, u.Flags&1, u.Username)
			case "manager":
				assert.Zero(t, u.Flags&1, u.Username)
			}
		}
		slices.Sort(ids)

		s.Exec(t, fmt.Sprintf(`DELETE FROM "#__users" WHERE "id" = %d`, ids[0]))
		require.Zero(t, users[ids[1]].Flags&2)
		s.Exec(t, fmt.Sprintf(`UPDATE "#__users" SET "block" = 1 WHERE "id" = %d`, ids[1]))
		s.Exec(t, fmt.Sprintf(`UPDATE "#__users" SET "username" = 'renamed', "name" = 'Zoë' WHERE "id" = %d`, ids[2]))
		users, ended = same()
		assert.NotContains(t, users, ids[0])
		assert.Positive(t, ended, "who does not exist any more is not logged in")
		assert.Equal(t, 2, users[ids[1]].Flags&2)
		assert.Equal(t, "renamed", users[ids[2]].Username)

		s.Exec(t, fmt.Sprintf(`UPDATE "#__users" SET "email" = 'zoe@host.example' WHERE "id" = %d`, ids[2]))
		for id, want := range map[int64]string{
			ids[2]: `{"msg":{"email":"zoe@host.example"},"error":false,"status":200}`,
			ids[0]: `{"msg":"No such user.","error":true,"status":404}`,
		} {
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, fmt.Sprintf("/user?id=%d", id), nil))
			assert.JSONEq(t, want, w.Body.String())
		}
	})
}

// TestPageOddRows counts rows with values that Joomla does not write: each once,
// and as many of people as the query of Joomla's module finds.
func TestPageOddRows(t *testing.T) {
	for _, d := range []database{mariaDB(), postgreSQL()} {
		t.Run(d.name, func(t *testing.T) {
			s := newSite(t, d, joomlatest.Joomla42, joomlatest.Recorded("j6"))
			s.Exec(t, `DELETE FROM "#__session"`)
			n := 0
			for column, values := range s.oddColumns() {
				for _, value := range values {
					r := row{"session_id": strconv.Itoa(100000 + n), "client_id": "0", "guest": "0", "time": "1", "data": "", "userid": "0", "username": "x"}
					r[column] = value
					s.Insert(t, "session", r)
					n++
				}
			}
			handler, err := page.Options{Logger: slog.New(slog.DiscardHandler)}.NewHandler(page.Site{Store: capi.NewSQLStore(s.capi(t, nil)),
				Auth: capi.AuthorizerFunc(func(*http.Request) error { return nil })})
			require.NoError(t, err)
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/feed", nil))
			require.Equal(t, http.StatusOK, w.Code)
			rows := 0
			var last struct {
				Figures struct{ People, Guests, Ended int }
				Whole   bool
			}
			for text := range strings.Lines(w.Body.String()) {
				var line struct{ Rows []json.RawMessage }
				require.NoError(t, json.Unmarshal([]byte(text), &line))
				require.NoError(t, json.Unmarshal([]byte(text), &last))
				rows += len(line.Rows)
			}
			assert.True(t, last.Whole)
			assert.Equal(t, n, last.Figures.People+last.Figures.Guests+last.Figures.Ended)
			var module int
			require.NoError(t, s.DB.QueryRowContext(t.Context(), s.SQL(`SELECT COUNT(*) FROM "#__session" WHERE "guest" = 0`)).Scan(&module))
			assert.Equal(t, module-1, rows, `the data "joomla|N;" says that nobody is logged in`)
		})
	}
}

// decode decodes each element of list into a target.
func decode(t *testing.T, list []json.RawMessage, targets ...any) {
	t.Helper()
	require.Len(t, list, len(targets))
	for i, target := range targets {
		require.NoError(t, json.Unmarshal(list[i], target))
	}
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
