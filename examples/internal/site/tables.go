package site

import (
	"context"
	"database/sql"
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

// The tables that the library reads, with the column types of Joomla 5. Indexes are left out, but for the primary key.
const (
	mysqlTables = `
CREATE TABLE "#__session" ("session_id" varbinary(192) NOT NULL PRIMARY KEY, "client_id" tinyint unsigned, "guest" tinyint unsigned DEFAULT 1,
	"time" int NOT NULL DEFAULT 0, "data" mediumtext, "userid" int DEFAULT 0, "username" varchar(150) DEFAULT '') CHARSET utf8mb4;
CREATE TABLE "#__users" ("id" int NOT NULL PRIMARY KEY, "name" varchar(400) NOT NULL, "username" varchar(150) NOT NULL, "email" varchar(100) NOT NULL,
	"block" tinyint NOT NULL DEFAULT 0, "activation" varchar(100) NOT NULL DEFAULT '', "requireReset" tinyint NOT NULL DEFAULT 0) CHARSET utf8mb4;
CREATE TABLE "#__user_usergroup_map" ("user_id" int unsigned NOT NULL, "group_id" int unsigned NOT NULL, PRIMARY KEY ("user_id", "group_id"));
CREATE TABLE "#__usergroups" ("id" int unsigned NOT NULL PRIMARY KEY, "parent_id" int unsigned NOT NULL, "lft" int NOT NULL, "rgt" int NOT NULL,
	"title" varchar(100) NOT NULL) CHARSET utf8mb4;
CREATE TABLE "#__assets" ("id" int unsigned NOT NULL PRIMARY KEY, "parent_id" int NOT NULL, "lft" int NOT NULL, "rgt" int NOT NULL, "level" int unsigned NOT NULL,
	"name" varchar(50) NOT NULL, "title" varchar(100) NOT NULL, "rules" varchar(5120) NOT NULL) CHARSET utf8mb4;
CREATE TABLE "#__user_profiles" ("user_id" int NOT NULL, "profile_key" varchar(100) NOT NULL, "profile_value" text NOT NULL, "ordering" int NOT NULL DEFAULT 0,
	PRIMARY KEY ("user_id", "profile_key")) CHARSET utf8mb4;
CREATE TABLE "#__extensions" ("extension_id" int NOT NULL AUTO_INCREMENT PRIMARY KEY,
	"type" varchar(20) NOT NULL, "element" varchar(100) NOT NULL, "folder" varchar(100) NOT NULL, "enabled" tinyint NOT NULL,
	"params" text NOT NULL) CHARSET utf8mb4;
CREATE TABLE "#__services_tokens" ("token" varchar(255) NOT NULL, "userid" int NOT NULL, "state" tinyint NOT NULL) CHARSET utf8mb4`

	postgresTables = `
CREATE TABLE "#__session" ("session_id" bytea NOT NULL PRIMARY KEY, "client_id" smallint, "guest" smallint DEFAULT 1,
	"time" integer NOT NULL DEFAULT 0, "data" text, "userid" bigint DEFAULT 0, "username" varchar(150) DEFAULT '');
CREATE TABLE "#__users" ("id" integer NOT NULL PRIMARY KEY, "name" varchar(255) NOT NULL, "username" varchar(150) NOT NULL, "email" varchar(100) NOT NULL,
	"block" smallint NOT NULL DEFAULT 0, "activation" varchar(100) NOT NULL DEFAULT '', "requireReset" smallint NOT NULL DEFAULT 0);
CREATE TABLE "#__user_usergroup_map" ("user_id" bigint NOT NULL, "group_id" bigint NOT NULL, PRIMARY KEY ("user_id", "group_id"));
CREATE TABLE "#__usergroups" ("id" bigint NOT NULL PRIMARY KEY, "parent_id" bigint NOT NULL, "lft" bigint NOT NULL, "rgt" bigint NOT NULL,
	"title" varchar(100) NOT NULL);
CREATE TABLE "#__assets" ("id" bigint NOT NULL PRIMARY KEY, "parent_id" bigint NOT NULL, "lft" bigint NOT NULL, "rgt" bigint NOT NULL, "level" integer NOT NULL,
	"name" varchar(50) NOT NULL, "title" varchar(100) NOT NULL, "rules" text NOT NULL);
CREATE TABLE "#__user_profiles" ("user_id" bigint NOT NULL, "profile_key" varchar(100) NOT NULL, "profile_value" text NOT NULL, "ordering" bigint NOT NULL DEFAULT 0,
	PRIMARY KEY ("user_id", "profile_key"));
CREATE TABLE "#__extensions" ("extension_id" serial NOT NULL PRIMARY KEY,
	"type" varchar(20) NOT NULL, "element" varchar(100) NOT NULL, "folder" varchar(100) NOT NULL, "enabled" smallint NOT NULL,
	"params" text NOT NULL);
CREATE TABLE "#__services_tokens" ("token" varchar(255) NOT NULL, "userid" integer NOT NULL, "state" smallint NOT NULL)`

	sqliteTables = `
CREATE TABLE "#__session" ("session_id" text NOT NULL PRIMARY KEY, "client_id" integer, "guest" integer DEFAULT 1,
	"time" integer NOT NULL DEFAULT 0, "data" text, "userid" integer DEFAULT 0, "username" text DEFAULT '');
CREATE TABLE "#__users" ("id" integer NOT NULL PRIMARY KEY, "name" text NOT NULL, "username" text NOT NULL, "email" text NOT NULL,
	"block" integer NOT NULL DEFAULT 0, "activation" text NOT NULL DEFAULT '', "requireReset" integer NOT NULL DEFAULT 0);
CREATE TABLE "#__user_usergroup_map" ("user_id" integer NOT NULL, "group_id" integer NOT NULL, PRIMARY KEY ("user_id", "group_id"));
CREATE TABLE "#__usergroups" ("id" integer NOT NULL PRIMARY KEY, "parent_id" integer NOT NULL, "lft" integer NOT NULL, "rgt" integer NOT NULL,
	"title" text NOT NULL);
CREATE TABLE "#__assets" ("id" integer NOT NULL PRIMARY KEY, "parent_id" integer NOT NULL, "lft" integer NOT NULL, "rgt" integer NOT NULL, "level" integer NOT NULL,
	"name" text NOT NULL, "title" text NOT NULL, "rules" text NOT NULL);
CREATE TABLE "#__user_profiles" ("user_id" integer NOT NULL, "profile_key" text NOT NULL, "profile_value" text NOT NULL, "ordering" integer NOT NULL DEFAULT 0,
	PRIMARY KEY ("user_id", "profile_key"));
CREATE TABLE "#__extensions" ("extension_id" integer NOT NULL PRIMARY KEY,
	"type" text NOT NULL, "element" text NOT NULL, "folder" text NOT NULL, "enabled" integer NOT NULL,
	"params" text NOT NULL);
CREATE TABLE "#__services_tokens" ("token" text NOT NULL, "userid" integer NOT NULL, "state" integer NOT NULL)`
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
	for statement := range strings.SplitSeq(rewrite(ddl, quote, prefix), ";\n") {
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
