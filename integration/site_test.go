package integration_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

// A recording is what a real Joomla site wrote into its database, and how it answered its users.
type recording struct {
	Now    int64
	Config struct {
		Secret          string
		LifetimeMinutes int `json:"lifetime_minutes"`
	}
	CookieNames struct{ Site, Administrator string } `json:"cookie_names"`
	Tables      map[string][]row
	Users       []recordedUser        `json:"groups_and_core_admin"`
	Sessions    []recordedSession     `json:"session_cases"`
	APITokens   []recordedAPITokenUse `json:"api_token_cases"`
}

type recordedUser struct {
	ID        int64
	Username  string
	CoreAdmin bool `json:"core.admin"`
}

type recordedSession struct {
	User         int64
	Username     string
	ClientID     int `json:"client_id"`
	Cookie       struct{ Name, Value string }
	JoomlaStatus int `json:"joomla_status"`
}

type recordedAPITokenUse struct {
	Name         string
	Headers      map[string]string
	JoomlaStatus int `json:"joomla_api_status"`
}

// A row is a row of a table: values by column, each text, bytes, a number or nil.
type row map[string]any

// recorded returns the recording of that name: "j5" or "j3".
func recorded(t testing.TB, name string) recording {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "testdata", "joomla", name+".json"))
	require.NoError(t, err)
	var r recording
	require.NoError(t, json.Unmarshal(text, &r))
	require.NotEmpty(t, r.Sessions)
	return r
}

// A site is a Joomla site of one test, in tables with a prefix of their own.
type site struct {
	db       *sql.DB
	database database
	layout   layout
	recording
	config capi.SiteConfig
	// clock is what the time is for the site, in seconds since 1970.
	clock int64
}

// newSite makes the site that was recorded, which is dropped with the test.
func newSite(t testing.TB, d database, l layout, data recording) *site {
	t.Helper()
	s := &site{db: d.open(t), database: d, layout: l, recording: data, clock: data.Now}
	s.config = capi.SiteConfig{
		DBType:   d.dbType,
		DBPrefix: "capi" + strings.ToLower(rand.Text()[:10]) + "_",
		Secret:   capi.NewSecret(data.Config.Secret),
		Lifetime: time.Duration(data.Config.LifetimeMinutes) * time.Minute,
	}
	t.Cleanup(func() {
		for table := range tableDefinitions {
			_, err := s.db.Exec(s.sql(`DROP TABLE IF EXISTS "#__` + table + `"`))
			if err != nil {
				t.Logf("dropping a table: %v", err)
			}
		}
	})
	for table := range tableDefinitions {
		s.exec(t, tableDefinition(d, l, table))
		s.insert(t, table, data.Tables[table]...)
	}
	return s
}

// emptySite makes a site of no rows, with the clock of a recording.
func emptySite(t testing.TB, d database, l layout) *site {
	t.Helper()
	data := recorded(t, "j5")
	data.Tables = nil
	return newSite(t, d, l, data)
}

// capi returns the site as the library knows it, after change, if any, was made to its configuration.
func (s *site) capi(t testing.TB, change func(*capi.SiteConfig)) *capi.Site {
	t.Helper()
	config := s.config
	if change != nil {
		change(&config)
	}
	clock := func() time.Time { return time.Unix(s.clock, 0) }
	known, err := capi.SiteOptions{Now: clock}.NewSite(s.db, config)
	require.NoError(t, err)
	return known
}

// sql returns query in the dialect of the database.
func (s *site) sql(query string) string {
	query = strings.ReplaceAll(query, "#__", s.config.DBPrefix)
	switch s.database.name {
	case "mariadb":
		query = strings.ReplaceAll(query, `"`, "`")
	case "postgresql":
		for n := 1; strings.Contains(query, "?"); n++ {
			query = strings.Replace(query, "?", "$"+strconv.Itoa(n), 1)
		}
	}
	return query
}

// exec runs a statement on the site's tables.
func (s *site) exec(t testing.TB, statement string, args ...any) {
	t.Helper()
	_, err := s.db.ExecContext(context.Background(), s.sql(statement), args...)
	require.NoError(t, err, statement)
}

// insert adds rows, all of the same columns, to a table.
func (s *site) insert(t testing.TB, table string, rows ...row) {
	t.Helper()
	const most = 200
	for chunk := range slices.Chunk(rows, most) {
		var columns []string
		for column := range chunk[0] {
			columns = append(columns, column)
		}
		tuple := "(" + strings.Repeat("?,", len(columns)-1) + "?)"
		var args []any
		for _, row := range chunk {
			require.Len(t, row, len(columns))
			for _, column := range columns {
				args = append(args, s.value(column, row[column]))
			}
		}
		s.exec(t, fmt.Sprintf(`INSERT INTO "#__%s" ("%s") VALUES %s`, table, strings.Join(columns, `","`),
			strings.Repeat(tuple+",", len(chunk)-1)+tuple), args...)
	}
}

// value returns a value as its column takes it.
func (s *site) value(column string, value any) any {
	id, ok := value.(string)
	if ok && column == "session_id" && s.layout == current {
		return []byte(id)
	}
	if number, ok := value.(int); ok && s.database.name == "postgresql" {
		return strconv.Itoa(number) // pgx takes text for every type, but no number where text is wanted.
	}
	return value
}

// insertSessions adds n guests' sessions, of the ids fill-0, fill-1 and so on, that hold what payload returns.
func (s *site) insertSessions(t testing.TB, n int, payload func(i int) string) {
	t.Helper()
	rows := make([]row, n)
	for i := range rows {
		rows[i] = row{
			"session_id": "fill-" + strconv.Itoa(i), "client_id": "0", "guest": "1", "time": strconv.FormatInt(s.Now, 10),
			"data": payload(i), "userid": "0", "username": "",
		}
	}
	s.insert(t, "session", rows...)
}

// cookieOf returns the header of a request with the recorded cookie of a user, of the site's frontend.
func (s *site) cookieOf(t testing.TB, username string) http.Header {
	t.Helper()
	for _, session := range s.Sessions {
		if session.Username == username && session.ClientID == 0 {
			return http.Header{"Cookie": {session.Cookie.Name + "=" + session.Cookie.Value}}
		}
	}
	t.Fatalf("%s has no session", username)
	return nil
}
