package capi_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/DATA-DOG/go-sqlmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

// Where drivers prepare a query each time, a site does it once. A server that
// prepares nothing answers as well.
func TestSiteStatements(t *testing.T) {
	const query = `SELECT t\.`
	none := func() *sqlmock.Rows { return sqlmock.NewRows([]string{"token"}) }
	for name, test := range map[string]struct {
		dbType string
		expect func(sqlmock.Sqlmock)
	}{
		"MySQL": {"mysqli", func(m sqlmock.Sqlmock) {
			statement := m.ExpectPrepare(query)
			statement.ExpectQuery().WithArgs("bad").WillReturnRows(none())
			statement.ExpectQuery().WithArgs("worse").WillReturnRows(none())
		}},
		"SQLite": {"sqlite", func(m sqlmock.Sqlmock) {
			statement := m.ExpectPrepare(query)
			statement.ExpectQuery().WithArgs("bad").WillReturnRows(none())
			statement.ExpectQuery().WithArgs("worse").WillReturnRows(none())
		}},
		"PostgreSQL": {"pgsql", func(m sqlmock.Sqlmock) {
			m.ExpectQuery(query).WithArgs("bad").WillReturnRows(none())
			m.ExpectQuery(query).WithArgs("worse").WillReturnRows(none())
		}},
		"keeps no more": {"mysqli", func(m sqlmock.Sqlmock) {
			statement := m.ExpectPrepare(query)
			statement.ExpectQuery().WithArgs("bad").WillReturnRows(none())
			statement.ExpectQuery().WithArgs("worse").WillReturnError(errors.New("Error 1461"))
			m.ExpectQuery(query).WithArgs("worse").WillReturnRows(none())
		}},
		"prepares nothing": {"mysqli", func(m sqlmock.Sqlmock) {
			m.ExpectPrepare(query).WillReturnError(errors.New("Error 1461"))
			m.ExpectQuery(query).WithArgs("bad").WillReturnRows(none())
			m.ExpectPrepare(query).WillReturnError(errors.New("Error 1461"))
			m.ExpectQuery(query).WithArgs("worse").WillReturnRows(none())
		}},
	} {
		t.Run(name, func(t *testing.T) {
			db, mock, err := sqlmock.New()
			require.NoError(t, err)
			defer db.Close()
			test.expect(mock)
			site, err := capi.NewSite(db, capi.SiteConfig{DBType: test.dbType, DBPrefix: "jos_", Secret: capi.NewSecret("s")})
			require.NoError(t, err)
			auth := capi.NewCAPITokenAuthorizer(site)
			for _, token := range []string{"bad", "worse"} {
				r := httptest.NewRequest(http.MethodGet, "/", nil)
				r.Header.Set("Token", token)
				assert.ErrorIs(t, auth.Authorize(r), capi.ErrUnauthenticated)
			}
			assert.NoError(t, mock.ExpectationsWereMet())
		})
	}
}
