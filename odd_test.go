package capi_test

import (
	"context"
	"database/sql/driver"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/DATA-DOG/go-sqlmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

// plainRow are the columns of a session that its fields can hold.
var plainRow = []driver.Value{"abc", "1", "0", "1795489075", "x", "42", "steve"}

// oddRow returns plainRow with another value in the column.
func oddRow(column string, value driver.Value) []driver.Value {
	changed := append([]driver.Value(nil), plainRow...)
	for i, name := range sessionColumns {
		if name == column {
			changed[i] = value
		}
	}
	return changed
}

// The handler sends any value of a column as PHP writes it, and the value
// survives being read by a client and written again.
func TestSQLStoreOddColumns(t *testing.T) {
	const huge = "92233720368547758070"
	for _, column := range sessionColumns {
		for value, want := range map[driver.Value]string{
			nil: `null`, "": `""`, "-1": `"-1"`, "-5": `"-5"`, "2": `"2"`, huge: `"` + huge + `"`, "no number": `"no number"`, "01": `"01"`,
			" 1": `" 1"`, "+1": `"+1"`, "1.5": `"1.5"`, "-0": `"-0"`, "9223372036854775807": `"9223372036854775807"`,
			"-62135596800": `"-62135596800"`, "é/": `"\u00e9\/"`,
		} {
			if column == "session_id" && value == nil {
				want = `""` // A key is never null.
			}
			texts := []string{`"abc"`, `"1"`, `"0"`, `"1795489075"`, `"x"`, `"42"`, `"steve"`}
			var object []string
			for i, name := range sessionColumns {
				if name == column {
					texts[i] = want
				}
				object = append(object, `"`+name+`":`+texts[i])
			}
			site, _, mock := mockSite(t)
			mock.ExpectQuery("").WillReturnRows(sqlmock.NewRows(sessionColumns).AddRow(oddRow(column, value)...).AddRow(plainRow...))
			w := serveOnce(capi.NewHandler(capi.NewSQLStore(site), answering(nil)))
			first := "{" + strings.Join(object, ",") + "}"
			assert.Equal(t, `{"msg":[`+first+`,`+
				`{"session_id":"abc","client_id":"1","guest":"0","time":"1795489075","data":"x","userid":"42","username":"steve"}],`+
				`"error":false,"status":200}`, w.Body.String(), "%s is %v", column, value)

			var session capi.Session
			require.NoError(t, session.UnmarshalJSON([]byte(first)))
			text, err := session.MarshalJSON()
			require.NoError(t, err)
			assert.Equal(t, first, string(text))
		}
	}
}

// A changed field is sent as changed, whatever its column held.
func TestConfigRedactOddColumns(t *testing.T) {
	for column, change := range map[string]func(*capi.Session){
		"client_id": func(s *capi.Session) { s.ClientID = 3 }, "guest": func(s *capi.Session) { s.Guest = !s.Guest },
		"time": func(s *capi.Session) { s.Time = time.Unix(5, 0) }, "userid": func(s *capi.Session) { s.UserID = 5 },
		"username": func(s *capi.Session) { s.Username = "5" },
	} {
		want := map[string]string{"client_id": `"3"`, "guest": `"0"`}[column]
		if want == "" {
			want = `"5"`
		}
		for _, value := range []driver.Value{nil, "no number"} {
			site, _, mock := mockSite(t)
			mock.ExpectQuery("").WillReturnRows(sqlmock.NewRows(sessionColumns).AddRow(oddRow(column, value)...))
			config := capi.HandlerOptions{Redact: []capi.Redaction{func(s capi.Session) capi.Session {
				change(&s)
				return s
			}}}
			w := serveOnce(newHandler(t, config, capi.NewSQLStore(site), answering(nil)))
			assert.Contains(t, w.Body.String(), `"`+column+`":`+want, "%v", value)
		}
	}
}

// A clock or a lifetime out of the column's range changes only what is listed.
func TestSQLStoreActiveOnlyAtTheEndsOfTime(t *testing.T) {
	tests := map[string]struct {
		now      int64
		lifetime time.Duration
		arg      driver.Value // of the query, nil for none
		want     []string
	}{
		"today":                 {testNow, time.Minute, "1795489016", []string{"now", "2038"}},
		"lifetime of centuries": {testNow, math.MaxInt64, nil, []string{"zero", "empty", "1", "now", "2038"}},
		"1970":                  {60, time.Minute, nil, []string{"zero", "empty", "1", "now", "2038"}},
		"the first second":      {61, time.Minute, nil, []string{"1", "now", "2038"}},
		"the last of 32 bits":   {math.MaxInt32 + 60, time.Minute, "2147483647", []string{"2038"}},
		"after 2038":            {math.MaxInt32 + 61, time.Minute, "2147483647", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			db, mock := mockDB(t)
			expected := mock.ExpectQuery("").WillReturnRows(sqlmock.NewRows(sessionColumns).
				AddRow("zero", 0, 1, "0", "", 0, "").AddRow("empty", 0, 1, "", "", 0, "").AddRow("1", 0, 1, "1", "", 0, "").
				AddRow("now", 0, 1, int64(testNow), "", 0, "").AddRow("2038", 0, 1, int64(math.MaxInt32), "", 0, ""))
			if test.arg == nil {
				expected.WithoutArgs()
			} else {
				expected.WithArgs(test.arg)
			}
			config := capi.SiteConfig{DBType: "pgsql", DBPrefix: "jos_", Secret: capi.NewSecret("s"), Lifetime: test.lifetime}
			site, err := capi.SiteOptions{Now: func() time.Time { return time.Unix(test.now, 0) }}.NewSite(db, config)
			require.NoError(t, err)
			sessions, err := capi.Collect(capi.SQLStoreOptions{ActiveOnly: true}.NewSQLStore(site).Sessions(t.Context()))
			require.NoError(t, err)
			var ids []string
			for _, session := range sessions {
				ids = append(ids, session.ID)
			}
			assert.Equal(t, test.want, ids)
		})
	}
}

func TestSQLStoreZeroValue(t *testing.T) {
	sessions, err := capi.Collect(new(capi.SQLStore).Sessions(context.Background()))
	assert.EqualError(t, err, "capi: SQLStore without a site")
	assert.Empty(t, sessions)
	config, _ := logged()
	assert.Equal(t, http.StatusInternalServerError, serveOnce(newHandler(t, config, new(capi.SQLStore), answering(nil))).Code)
}
