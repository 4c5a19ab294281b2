package capi_test

import (
	"bytes"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/DATA-DOG/go-sqlmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/storetest"
)

var sessionColumns = []string{"session_id", "client_id", "guest", "time", "data", "userid", "username"}

// mockSite returns a site of MySQL whose database is a mock.
func mockSite(t *testing.T) (*capi.Site, *sql.DB, sqlmock.Sqlmock) {
	t.Helper()
	db, mock := mockDB(t)
	site, err := capi.NewSite(db, capi.SiteConfig{DBType: "mysqli", DBPrefix: "jos_", Secret: capi.NewSecret("s")})
	require.NoError(t, err)
	return site, db, mock
}

// mockDB returns a mock database that accepts any text for an expected query.
// When the test ends, all expectations must be met, and no connection may be in
// use.
func mockDB(t *testing.T) (*sql.DB, sqlmock.Sqlmock) {
	t.Helper()
	db, mock, err := sqlmock.New(sqlmock.QueryMatcherOption(sqlmock.QueryMatcherFunc(func(string, string) error { return nil })))
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, mock.ExpectationsWereMet())
		assert.Zero(t, db.Stats().InUse, "connections in use")
		_ = db.Close()
	})
	return db, mock
}

// rows returns n rows with size bytes of data each.
func rows(n, size int) *sqlmock.Rows {
	rows := sqlmock.NewRows(sessionColumns)
	for i := range n {
		rows.AddRow([]byte{'a' + byte(i%26)}, []byte("0"), []byte("1"), []byte("1795489075"), bytes.Repeat([]byte("x"), size),
			[]byte("0"), []byte(""))
	}
	return rows
}

// If time is text, as in older Joomla 3, the database compares it as text.
func TestSQLStoreActiveOnly(t *testing.T) {
	db, mock := mockDB(t)
	options := capi.SiteOptions{Now: func() time.Time { return time.Unix(testNow, 999) }}
	site, err := options.NewSite(db, capi.SiteConfig{DBType: "mysqli", DBPrefix: "jos_", Secret: capi.NewSecret("s"), Lifetime: 10 * time.Minute})
	require.NoError(t, err)
	mock.ExpectQuery("").WithArgs("1795488476").RowsWillBeClosed().WillReturnRows(
		sqlmock.NewRows(sessionColumns).
			AddRow("expired", 0, 1, "1795488475", "", 0, "").
			AddRow("just active", 0, 1, "1795488476", "", 0, "").
			AddRow("long ago", 0, 1, "999999999", "", 0, "").
			AddRow("now", 0, 1, "1795489076", "", 0, ""))
	sessions, err := capi.Collect(capi.SQLStoreOptions{ActiveOnly: true}.NewSQLStore(site).Sessions(t.Context()))
	require.NoError(t, err)
	require.Len(t, sessions, 2)
	assert.Equal(t, "just active", sessions[0].ID)
	assert.Equal(t, "now", sessions[1].ID)
}

func TestSQLStoreTakesWhatDriversGive(t *testing.T) {
	full := capi.Session{
		ID: "abc", ClientID: capi.ClientAdministrator, Time: time.Unix(1795489075, 0).UTC(), Data: capi.Payload("x|N;"), UserID: 42,
		Username: "steve",
	}
	null := capi.Session{ClientID: capi.ClientNone, Guest: true}
	tests := []struct {
		name string
		row  []driver.Value
		want capi.Session
	}{
		{"bytes", []driver.Value{[]byte("abc"), []byte("1"), []byte("0"), []byte("1795489075"), []byte("x|N;"), []byte("42"), []byte("steve")}, full},
		{"text and integers", []driver.Value{"abc", int64(1), int64(0), int64(1795489075), "x|N;", int64(42), "steve"}, full},
		{"text", []driver.Value{"abc", "1", "0", "1795489075", "x|N;", "42", "steve"}, full},
		{"booleans", []driver.Value{[]byte("abc"), true, false, int64(1795489075), []byte("x|N;"), int64(42), "steve"}, full},
		{"nulls", []driver.Value{nil, nil, nil, nil, nil, nil, nil}, null},
		{"empty text", []driver.Value{"", "", "", "", nil, "", ""}, null},
		{"empty data", []driver.Value{"", nil, "1", "0", "", "0", ""}, capi.Session{ClientID: capi.ClientNone, Guest: true, Data: capi.Payload{}}},
		{"empty data in bytes", []driver.Value{"", nil, "1", "0", []byte{}, "0", ""}, capi.Session{ClientID: capi.ClientNone, Guest: true, Data: capi.Payload{}}},
		{"client 0", []driver.Value{"", int64(0), "1", "0", nil, "0", ""}, capi.Session{ClientID: 0, Guest: true}},
		{"bytes of any kind", []driver.Value{[]byte("\xff\x00"), nil, "0", "0", []byte("\x00*\x00\xff"), "0", "\xfe"},
			capi.Session{ID: "\xff\x00", ClientID: capi.ClientNone, Data: capi.Payload("\x00*\x00\xff"), Username: "\xfe"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			site, _, mock := mockSite(t)
			// The previous row must not show in this one.
			mock.ExpectQuery("").RowsWillBeClosed().WillReturnRows(
				sqlmock.NewRows(sessionColumns).AddRow("old", "3", "1", "7", "old data", "7", "old").AddRow(tt.row...).AddRow(tt.row...))
			sessions, err := capi.Collect(capi.NewSQLStore(site).Sessions(t.Context()))
			require.NoError(t, err)
			require.Len(t, sessions, 3)
			assert.Equal(t, tt.want, fields(sessions[1]))
			assert.Equal(t, sessions[1], sessions[2])
		})
	}
}

// No value of a column is an error, unless no driver returns it.
func TestSQLStoreScanErrors(t *testing.T) {
	for i, column := range sessionColumns[1:] {
		row := []driver.Value{"abc", "1", "0", "1795489075", "x|N;", "42", "steve"}
		row[i+1] = time.Unix(1, 0)
		site, _, mock := mockSite(t)
		mock.ExpectQuery("").RowsWillBeClosed().WillReturnRows(rows(2, 1).AddRow(row...).AddRow(row...))
		sessions, err := capi.Collect(capi.NewSQLStore(site).Sessions(t.Context()))
		require.ErrorContains(t, err, "capi: scanning a session: ", column)
		assert.ErrorContains(t, err, column)
		assert.NotContains(t, err.Error(), "1970", "what a session holds is no matter for errors")
		assert.Len(t, sessions, 2)
	}
}

func TestSQLStoreClosesItsRows(t *testing.T) {
	errFault := errors.New("fault")
	tests := []struct {
		name  string
		rows  *sqlmock.Rows
		limit int // how many sessions are read before the range ends
		count int
		want  error
	}{
		{"full read", rows(5, 10), 100, 5, nil},
		{"no rows", rows(0, 0), 100, 0, nil},
		{"early break", rows(5, 10), 2, 2, nil},
		{"break at the last", rows(5, 10), 5, 5, nil},
		{"row error", rows(5, 10).RowError(3, errFault), 100, 3, errFault},
		{"row error at once", rows(5, 10).RowError(0, errFault), 100, 0, errFault},
		{"error of closing", rows(5, 10).CloseError(errFault), 100, 5, errFault},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			site, db, mock := mockSite(t)
			mock.ExpectQuery("").WillReturnRows(tt.rows).RowsWillBeClosed()
			count := 0
			var last error
			for session, err := range capi.NewSQLStore(site).Sessions(t.Context()) {
				require.NoError(t, last, "a pair after the error")
				if last = err; err != nil {
					assert.Equal(t, capi.Session{}, session)
					assert.Regexp(t, "^capi: (querying|reading) sessions: ", err.Error())
					continue
				}
				assert.Equal(t, 1, db.Stats().InUse)
				if count++; count == tt.limit {
					break
				}
			}
			assert.Equal(t, tt.count, count)
			assert.ErrorIs(t, last, tt.want)
			assert.Zero(t, db.Stats().InUse)
		})
	}
	t.Run("panic of the reader", func(t *testing.T) {
		site, db, mock := mockSite(t)
		mock.ExpectQuery("").WillReturnRows(rows(5, 10)).RowsWillBeClosed()
		assert.Panics(t, func() {
			for range capi.NewSQLStore(site).Sessions(t.Context()) {
				panic("fault")
			}
		})
		assert.Zero(t, db.Stats().InUse)
	})
}

func TestSQLStoreIsLazy(t *testing.T) {
	site, db, _ := mockSite(t) // It expects no query.
	for range 3 {
		capi.NewSQLStore(site).Sessions(t.Context())
	}
	assert.Zero(t, db.Stats().InUse)
}

// go-sqlmock overwrites the memory that it lent as soon as it may.
func TestSQLStoreLendsMemory(t *testing.T) {
	site, _, mock := mockSite(t)
	store := capi.NewSQLStore(site)
	mock.ExpectQuery("").WillReturnRows(rows(3, 100)).RowsWillBeClosed()
	var kept []capi.Payload
	for session, err := range store.Sessions(t.Context()) {
		require.NoError(t, err)
		assert.Equal(t, strings.Repeat("x", 100), string(session.Data))
		kept = append(kept, session.Data)
	}
	for _, data := range kept {
		assert.NotEqual(t, strings.Repeat("x", 100), string(data), "Data is a copy, which costs more than it need")
	}

	mock.ExpectQuery("").WillReturnRows(rows(3, 100)).RowsWillBeClosed()
	sessions, err := capi.Collect(store.Sessions(t.Context()))
	require.NoError(t, err)
	for i, session := range sessions {
		assert.Equal(t, strings.Repeat("x", 100), string(session.Data), "Collect must copy")
		assert.Equal(t, string(rune('a'+i)), session.ID)
	}
}

func TestSQLStoreQueryError(t *testing.T) {
	site, _, mock := mockSite(t)
	errDriver := errors.New("access denied for user 'joomla'@'db' to jos_session")
	mock.ExpectQuery("").WillReturnError(errDriver)
	config, logs := logged()
	w := httptest.NewRecorder()
	newHandler(t, config, capi.NewSQLStore(site), answering(nil)).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	assert.Equal(t, 500, w.Code)
	assert.Equal(t, `{"msg":"Internal server error.","error":true,"status":500}`, w.Body.String())
	assert.Equal(t, headers(withBody...), w.Header())
	assert.Contains(t, logs.String(), "capi: querying sessions: "+errDriver.Error())

	mock.ExpectQuery("").WillReturnError(errDriver)
	_, err := capi.Collect(capi.NewSQLStore(site).Sessions(t.Context()))
	assert.ErrorIs(t, err, errDriver)
}

func TestSQLStoreRowErrorCutsList(t *testing.T) {
	errDriver := errors.New("invalid connection")
	tests := []struct {
		name string
		rows *sqlmock.Rows
	}{
		{"row error", rows(100, 4<<10).RowError(60, errDriver)},
		{"scan error", rows(60, 4<<10).AddRow("a", "0", "1", time.Unix(1, 0), "marker", "0", "").AddRow("b", "0", "1", "1", "", "0", "")},
		{"error after the last row", rows(100, 4<<10).CloseError(errDriver)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			site, _, mock := mockSite(t)
			mock.ExpectQuery("").WillReturnRows(tt.rows).RowsWillBeClosed()
			config, logs := logged()
			server := serve(t, newHandler(t, config, capi.NewSQLStore(site), answering(nil)), false)
			response, err := server.Client().Get(server.URL)
			require.NoError(t, err)
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			assert.Greater(t, len(body), 32<<10)
			assert.False(t, json.Valid(body))
			assert.NotContains(t, string(body), errDriver.Error())
			server.Close() // Waits for the handler.
			assert.Contains(t, logs.String(), "cut short")
			assert.NotContains(t, logs.String(), "marker")
		})
	}
}

func TestSQLStoreConforms(t *testing.T) {
	storetest.Run(t, func(t *testing.T, sessions []capi.Session) capi.Store {
		db, mock, err := sqlmock.New(sqlmock.MonitorPingsOption(false))
		require.NoError(t, err)
		t.Cleanup(func() { _ = db.Close() })
		mock.MatchExpectationsInOrder(false)
		for range 80 { // At least as many as the suite asks. Rows can be read only once.
			rows := sqlmock.NewRows(sessionColumns)
			for _, s := range sessions {
				var clientID, data, seconds any
				if s.ClientID != capi.ClientNone {
					clientID = int64(s.ClientID)
				}
				if s.Data != nil {
					data = []byte(s.Data)
				}
				if !s.Time.IsZero() {
					seconds = s.Time.Unix()
				}
				rows.AddRow([]byte(s.ID), clientID, s.Guest, seconds, data, s.UserID, s.Username)
			}
			mock.ExpectQuery("").WillReturnRows(rows)
		}
		site, err := capi.NewSite(db, capi.SiteConfig{DBType: "mysqli", DBPrefix: "jos_", Secret: capi.NewSecret("s")})
		require.NoError(t, err)
		return capi.NewSQLStore(site)
	})
}
