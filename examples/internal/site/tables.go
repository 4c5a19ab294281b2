package site

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Tables are rows by the name of their table, without its prefix. Every value is text, or nil for NULL.
type Tables map[string][]map[string]*string

// MoveTo shifts the times of all sessions so that the newest was written at now.
func (d *Data) MoveTo(now time.Time) {
	shift := now.Unix() - d.Now
	for _, row := range d.Tables["session"] {
		written, err := strconv.ParseInt(*row["time"], 10, 64)
		if err != nil {
			continue // An old column may hold no time at all.
		}
		*row["time"] = strconv.FormatInt(written+shift, 10)
		if row["data"] != nil {
			*row["data"] = moveData(*row["data"], written+shift)
		}
	}
	d.Now += shift
}

// The tables that the library reads, with the column types of Joomla 5. Indexes are left out, but for primary keys.
var (
	//go:embed mysql.sql
	mysqlTables string
	//go:embed postgres.sql
	postgresTables string
	//go:embed sqlite.sql
	sqliteTables string
)

// Create makes the tables in db, whose type is one that configuration.php knows, and fills them.
func Create(ctx context.Context, db *sql.DB, dbType, prefix string, tables Tables) error {
	ddl, quote := sqliteTables, `"`
	switch dbType {
	case "mysqli":
		ddl, quote = mysqlTables, "`"
	case "pgsql":
		ddl = postgresTables
	}
	for statement := range strings.SplitSeq(strings.TrimSuffix(rewrite(ddl, quote, prefix), ";\n"), ";\n") {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("creating a table: %w", err)
		}
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("filling the tables: %w", err)
	}
	defer tx.Rollback() // Does nothing once committed.
	for name, rows := range tables {
		if err := insert(ctx, tx, dbType, quote, prefix, name, rows); err != nil {
			return fmt.Errorf("filling %s: %w", name, err)
		}
	}
	return tx.Commit()
}

// insert adds rows, which have the same columns, to a table.
func insert(ctx context.Context, tx *sql.Tx, dbType, quote, prefix, name string, rows []map[string]*string) error {
	if len(rows) == 0 {
		return nil
	}
	var columns, places []string
	for column := range rows[0] {
		columns = append(columns, column)
	}
	slices.Sort(columns)
	for i := range columns {
		place := "?"
		if dbType == "pgsql" {
			place = "$" + strconv.Itoa(i+1)
		}
		places = append(places, place)
	}
	statement, err := tx.PrepareContext(ctx, rewrite(
		`INSERT INTO "#__`+name+`" ("`+strings.Join(columns, `", "`)+`") VALUES (`+strings.Join(places, ", ")+`)`, quote, prefix))
	if err != nil {
		return err
	}
	defer statement.Close()
	for _, row := range rows {
		values := make([]any, len(columns))
		for i, column := range columns {
			switch value := row[column]; {
			case value == nil:
			case column == "session_id" && dbType == "pgsql":
				values[i] = []byte(*value)
			default:
				values[i] = *value
			}
		}
		if _, err := statement.ExecContext(ctx, values...); err != nil {
			return err
		}
	}
	return nil
}

// Drop removes the tables from db.
func Drop(ctx context.Context, db *sql.DB, dbType, prefix string) error {
	quote := `"`
	if dbType == "mysqli" {
		quote = "`"
	}
	var errs []error
	for _, match := range regexp.MustCompile(`CREATE TABLE ("#__\w+")`).FindAllStringSubmatch(sqliteTables, -1) {
		_, err := db.ExecContext(ctx, rewrite(`DROP TABLE IF EXISTS `+match[1], quote, prefix))
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// rewrite gives query in a database's own quotes, with the prefix of a site.
func rewrite(query, quote, prefix string) string {
	return strings.NewReplacer(`"`, quote, "#__", prefix).Replace(query)
}
