package integration_test

import (
	"encoding/json"
	"maps"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/internal/joomlatest"
)

// oddColumns are values that the columns accept, but Joomla does not write.
func (s *site) oddColumns() map[string][]any {
	text := []any{"", " ", "0", "null", "é🐘\u2028\u2029", "\x01\x1f\x7f\t\r\n", `"\/<>&'`, "\ufffd\uffff"}
	numbers := []any{nil, "0", "-1", "7", "32767"}
	if s.database.dbType == "mysqli" {
		numbers[4] = "127"
	}
	odd := map[string][]any{
		"client_id": numbers, "guest": append(slices.Clone(numbers), "2"),
		"time": {"-1", "0", "1", "2147483647", "-2147483648"}, "userid": {nil, "0", "-1", "2147483647", "-2147483648"},
		"data":     append(slices.Clone(text), nil, "joomla|N;"),
		"username": append(slices.Clone(text), nil),
	}
	if s.Layout < joomlatest.Joomla39 {
		odd["time"] = append(odd["time"], "", "abc", "007", "+1", " 1", "1 ", "1.5", "1e3", "99999999999999", "-0", nil)
	}
	if s.database.dbType == "sqlite" { // Its columns accept anything.
		anything := []any{nil, "", "x", "-0", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "1.5", "0.1", "-0.00001", "1e14", "123456789012345.6", 1e300, 0.1 + 0.2,
			12345678901234.5, 9e-5, math.Inf(-1), " 1 ", "0x1",
			[]byte("bytes"), "\xff\xed\xa0\x80"}
		for column := range odd {
			odd[column] = append(odd[column], anything...)
		}
		if s.Layout >= joomlatest.Joomla39 {
			odd["time"] = slices.DeleteFunc(odd["time"], func(value any) bool { return value == nil })
		}
	}
	return odd
}

// TestSQLStoreListsOddRows compares the list with PHP's, byte by byte.
func TestSQLStoreListsOddRows(t *testing.T) {
	onEachLayout(t, func(t *testing.T, s *site) {
		n := 0
		odd := s.oddColumns()
		for _, column := range slices.Sorted(maps.Keys(odd)) {
			for _, value := range odd[column] {
				r := row{"session_id": strconv.Itoa(100000 + n), "client_id": "0", "guest": "1", "time": "1", "data": "",
					"userid": "0", "username": ""}
				r[column] = value
				s.Insert(t, "session", r)
				n++
			}
		}
		got := serve(t, capi.HandlerOptions{}, capi.NewSQLStore(s.capi(t, nil)), anyone).ask(t, nil)
		require.Equal(t, 200, got.status)
		rows, want := elements(t, got.body), s.listOfPHP(t)
		require.Len(t, rows, n)
		for i, element := range elements(t, want) {
			assert.Equal(t, string(element), string(rows[i]))
		}
		assert.Equal(t, len(want), len(got.body)) // The elements were compared above.
		assert.True(t, string(want) == string(got.body))
	})
}

// elements returns the rows of a list, as they are.
func elements(t testing.TB, body []byte) []json.RawMessage {
	t.Helper()
	var list capi.Envelope[[]json.RawMessage]
	require.NoError(t, json.Unmarshal(body, &list), "%.300s", body)
	return list.Msg
}

// listOfPHP returns the list that PHP makes of the table. Without a PHP that
// has the driver, the test is skipped, or fails in CI.
func (s *site) listOfPHP(t testing.TB) []byte {
	t.Helper()
	php := program(t, "php")
	extension := map[string]string{"mysqli": "mysqli", "pgsql": "pdo_pgsql", "sqlite": "pdo_sqlite"}[s.database.dbType]
	if err := exec.Command(php, "-r", `exit(extension_loaded("`+extension+`") ? 0 : 1);`).Run(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("NO " + extension + " IN PHP")
		}
		t.Skip("NO " + extension + " IN PHP, NOTHING WAS COMPARED WITH IT")
	}
	at := map[string]any{"driver": s.database.dbType, "table": s.Prefix + "session"}
	switch s.database.dbType {
	case "mysqli":
		config, err := mysql.ParseDSN(s.database.dsn)
		require.NoError(t, err)
		host, portText, err := net.SplitHostPort(config.Addr)
		require.NoError(t, err)
		port, err := strconv.Atoi(portText)
		require.NoError(t, err)
		at["host"], at["port"], at["user"], at["password"], at["database"] = host, port, config.User, config.Passwd, config.DBName
	case "pgsql":
		config, err := pgconn.ParseConfig(s.database.dsn)
		require.NoError(t, err)
		at["dsn"] = "pgsql:host=" + config.Host + ";port=" + strconv.Itoa(int(config.Port)) + ";dbname=" + config.Database
		at["user"], at["password"] = config.User, config.Password
	default:
		var number, name, file string
		require.NoError(t, s.DB.QueryRow(`PRAGMA database_list`).Scan(&number, &name, &file))
		at["dsn"] = "sqlite:" + file
	}
	argument, err := json.Marshal(at)
	require.NoError(t, err)
	output, err := exec.Command(php, filepath.Join("testdata", "odd_rows.php"), string(argument)).Output()
	require.NoError(t, err, "%s", output)
	return output
}
