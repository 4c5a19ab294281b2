package capitest

import (
	"database/sql/driver"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/internal/joomlatest"
	"github.com/capi-go/capi/internal/phptest"
)

// recorded returns a site with the rows of a real one, at the time of the
// recording.
func recorded(t *testing.T, name string) (*Site, *joomlatest.Recording) {
	recording := joomlatest.Recorded(name)
	joomla, err := strconv.Atoi(name[1:])
	require.NoError(t, err)
	s := Options{Joomla: joomla, Now: func() time.Time { return time.Unix(recording.Now, 0) }}.NewSite(t)
	s.config.Secret = capi.NewSecret(recording.Config.Secret)
	texts := []string{"session_id", "data", "username", "name", "activation", "profile_value", "title"}
	for name, rows := range recording.Tables {
		of, ok := s.tables[prefix+name]
		if !ok || len(rows) == 0 {
			continue
		}
		of.rows = nil
		for _, row := range rows {
			values := map[string]any{}
			for column, value := range row {
				if text, ok := value.(string); ok && !slices.Contains(texts, column) {
					if n, err := strconv.ParseInt(text, 10, 64); err == nil {
						value = n
					}
				}
				values[column] = value
			}
			s.insert(name, values)
		}
	}
	return s, recording
}

// A site of recorded rows answers as the real one did.
func TestRecorded(t *testing.T) {
	for _, name := range joomlatest.Recordings() {
		t.Run(name, func(t *testing.T) {
			s, recording := recorded(t, name)
			site := s.Capi()
			require.NoError(t, site.Check(t.Context()))
			cookies, err := capi.NewSessionAuthorizer(site)
			require.NoError(t, err)
			handler := capi.NewHandler(capi.Sessions{}, capi.AnyOf(capi.NewAPITokenAuthorizer(site), cookies))
			status := func(header http.Header) int {
				w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
				r.Header = header
				handler.ServeHTTP(w, r)
				return w.Code
			}
			for _, c := range recording.Sessions {
				assert.Equal(t, c.Want(), status(http.Header{"Cookie": {c.Cookie.Name + "=" + c.Cookie.Value}}), "%s, %d", c.Username, c.ClientID)
			}
			for _, c := range recording.APITokens {
				header := http.Header{}
				for name, value := range c.Headers {
					header.Set(name, value)
				}
				assert.Equal(t, c.Want(), status(header), c.Name)
			}
			var ids []int64
			for _, user := range recording.Users {
				ids = append(ids, user.ID)
			}
			users, err := site.Users(t.Context(), ids)
			require.NoError(t, err)
			for i, user := range users {
				assert.Equal(t, recording.Users[i].CoreAdmin, user.SuperAdmin, user.Username)
			}
			list, err := capi.Collect(capi.NewSQLStore(site).Sessions(t.Context()))
			require.NoError(t, err)
			assert.Len(t, list, len(recording.Tables["session"]))
		})
	}
}

// Sessions are those of a real site, byte by byte.
func TestSessionText(t *testing.T) {
	for _, name := range joomlatest.Recordings() {
		recording := joomlatest.Recorded(name)
		joomla, err := strconv.Atoi(name[1:])
		require.NoError(t, err)
		compared := 0
		for _, row := range recording.Tables["session"] {
			stored, _ := row["data"].(string)
			state, err := capi.Payload(stored).State()
			if err != nil || state.Counter != 2 || !state.Started.Equal(state.Now) {
				continue
			}
			got := decoded(t, sessionText(joomla, state.UserID, state.Now, "x", false))
			// These sessions began without a form, so they have no token.
			got = strings.Replace(got, `s:7:"session";O:8:"stdClass":3:`, `s:7:"session";O:8:"stdClass":2:`, 1)
			got = strings.Replace(got, `s:5:"token";s:1:"x";`, "", 1)
			assert.Equal(t, decoded(t, stored), got)
			compared++
		}
		assert.Positive(t, compared, name)
	}
	const passed = `s:9:"com_users";O:8:"stdClass":1:{s:11:"mfa_checked";i:1;}`
	compared := 0
	for _, c := range joomlatest.SecondFactor() {
		stored, _ := c.Recording.Tables["session"][0]["data"].(string)
		if c.Want != http.StatusOK || stored == "" {
			continue
		}
		if text := decoded(t, stored); strings.Contains(text, "mfa_checked") && !strings.Contains(text, "return_url") {
			assert.Contains(t, text, passed, c.Name)
			compared++
		}
	}
	assert.Positive(t, compared)
	assert.Contains(t, decoded(t, sessionText(6, 102, time.Now(), "x", true)), passed)
	assert.NotContains(t, decoded(t, sessionText(6, 102, time.Now(), "x", false)), passed)
}

// decoded returns the serialized Registry of a session.
func decoded(t *testing.T, text string) string {
	parts := strings.Split(text, `"`)
	require.Len(t, parts, 3)
	serialized, err := base64.StdEncoding.DecodeString(parts[1])
	require.NoError(t, err)
	return string(serialized)
}

// Queries that capi does not use fail, and the error quotes them.
func TestQueryErrors(t *testing.T) {
	s := NewSite(t)
	for query, want := range map[string]string{
		"SELECT `x` FROM `jos_users`":                               "Unknown column 'x'",
		"SELECT u.`x` FROM `jos_users` AS u":                        "Unknown column 'u.x'",
		"SELECT 1 FROM `jos_nothing`":                               "Table 'jos_nothing' doesn't exist",
		"SELECT x.* FROM `jos_users` AS u":                          "Unknown table 'x'",
		"SELECT MAX(`id`) FROM `jos_users`":                         "the function MAX",
		"SELECT 1 UNION SELECT 2":                                   `"UNION"`,
		"SELECT (SELECT `id` FROM `jos_usergroups`)":                "more than 1 row",
		"DELETE FROM `jos_users`":                                   "SELECT is expected",
		"SELECT 'it''s'":                                            "a quote in a quoted text",
		"SELECT 1 /* ":                                              "a comment without an end",
		"SELECT ?":                                                  "an argument is missing",
		"SELECT `id` FROM `jos_users` LIMIT x":                      "a number is expected",
		"SELECT `id` FROM `jos_users` WHERE `id` LIKE 'a'":          `"LIKE"`,
		"SELECT `id` FROM `jos_users` WHERE (`id` = 1 OR `id` = 2)": ") is expected",
		"SELECT COUNT(*), `id` FROM `jos_users`":                    "id beside an aggregate",
		"SELECT COUNT(*), u.* FROM `jos_users` AS u":                "* beside an aggregate",
		"SELECT LEAST()":                                            "the function LEAST",
		"SELECT COALESCE()":                                         "the function COALESCE",
		"SELECT `id` FROM `jos_users` AS a INNER JOIN `jos_users` AS b ON a.`id` = b.`id`": "Column 'id' is ambiguous",
	} {
		_, err := s.DB().QueryContext(t.Context(), query)
		require.ErrorContains(t, err, want, query)
		assert.ErrorContains(t, err, "capitest: ")
		assert.ErrorContains(t, err, query)
	}
	_, err := s.DB().ExecContext(t.Context(), "DELETE FROM `jos_users`")
	assert.Error(t, err)
	_, err = s.DB().Begin()
	assert.Error(t, err)
}

// Null is neither true nor false, and compares with nothing.
func TestQueryNulls(t *testing.T) {
	s := NewSite(t)
	for query, want := range map[string]driver.Value{
		"SELECT NULL = NULL": nil, "SELECT NULL IS NULL": int64(1), "SELECT 1 IS NOT NULL": int64(1), "SELECT 0 AND NULL": int64(0),
		"SELECT NULL AND 0": int64(0), "SELECT 1 AND NULL": nil, "SELECT 1 AND 2": int64(1), "SELECT 1 IN (NULL, 1)": int64(1),
		"SELECT 2 IN (NULL, 1)": nil, "SELECT 2 IN (3, 1)": int64(0), "SELECT -NULL": nil, "SELECT LENGTH(NULL)": nil,
		"SELECT COALESCE(NULL, 0, 1)": int64(0), "SELECT CASE WHEN NULL THEN 1 WHEN 2 THEN 'b' ELSE 'c' END": "b",
		"SELECT CASE WHEN 0 THEN 1 END": nil, "SELECT '10' < 9": int64(0), "SELECT '10' < '9'": int64(1), "SELECT '12abc' = 12": int64(1),
		"SELECT MIN(`id`) FROM `jos_users`": nil, "SELECT COUNT(*) FROM `jos_users`": int64(0), "SELECT GROUP_CONCAT(`id`) FROM `jos_users`": nil,
		"SELECT COUNT(*) FROM `jos_usergroups` AS a CROSS JOIN `jos_usergroups` AS b": int64(81),
		"SELECT u.`id` FROM (SELECT 1) AS one LEFT JOIN `jos_users` AS u ON 1 = 1":    nil,
		"SELECT `id` FROM `jos_usergroups` ORDER BY `title` LIMIT 1":                  int64(7),
	} {
		found, err := s.run(query, nil)
		require.NoError(t, err, query)
		assert.Equal(t, [][]driver.Value{{want}}, found.rows, query)
	}
}

// PHP reads sessions, and writes the same bytes.
func TestSessionTextInPHP(t *testing.T) {
	php := phptest.Start(t, `session_start(['use_cookies' => 0, 'use_only_cookies' => 0, 'cache_limiter' => '']);
	register_shutdown_function('session_abort');
	while (($line = fgets(STDIN)) !== false) {
		$_SESSION = [];
		$read = session_decode(base64_decode($line));
		$written = base64_encode(session_encode());
		$registry = unserialize(base64_decode($_SESSION['joomla']));
		echo json_encode([$read, $written, base64_encode(serialize($registry))]), "\n";
	}`)
	for joomla := 3; joomla <= 6; joomla++ {
		for _, user := range []int64{0, 7, 1 << 30} {
			text := sessionText(joomla, user, time.Unix(1_800_000_000, 0), "0123456789abcdef", true)
			encoded := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
			want := mustJSON([]any{true, encoded(text), encoded(decoded(t, text))})
			assert.JSONEq(t, want, php.Ask(encoded(text)))
		}
	}
}
