package integration_test

import "strings"

// A layout says how old the definition of a site's session table is.
type layout string

const (
	// current is Joomla 3.9 and later: the id binary, the time a number.
	current layout = "current"
	// older is Joomla before 3.9: the id as text, of a collation that takes no heed of case where there is one (and of
	// spaces at the end, in MariaDB), and the time as text.
	older layout = "older"
)

func layouts() []layout { return []layout{current, older} }

// tableTypes are column types by system, for the words that stand for them in tableDefinitions.
var tableTypes = map[string]*strings.Replacer{
	"mariadb": strings.NewReplacer(
		"BYTES", "varbinary(192)", "IDTEXT", "varchar(200)", "SERIAL", "int NOT NULL AUTO_INCREMENT", "BOOL", "tinyint",
		"LONGTEXT", "mediumtext", "OPTIONS", "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci", `"`, "`"),
	"postgresql": strings.NewReplacer(
		"BYTES", "bytea", "IDTEXT", "varchar(200)", "SERIAL", "serial", "BOOL", "smallint",
		"LONGTEXT", "text", "OPTIONS", ""),
	"sqlite": strings.NewReplacer(
		"BYTES", "blob", "IDTEXT", "varchar(200) COLLATE NOCASE", "SERIAL", "integer", "BOOL", "integer",
		"LONGTEXT", "text", "OPTIONS", ""),
}

// sessionColumns are the two columns of the session table that changed.
var sessionColumns = map[layout]string{
	current: `"session_id" BYTES NOT NULL, "time" int NOT NULL DEFAULT 0`,
	older:   `"session_id" IDTEXT NOT NULL, "time" varchar(14) DEFAULT ''`,
}

// tableDefinitions are the tables that the library reads, by name, with columns of Joomla's types.
var tableDefinitions = map[string]string{
	"session": `SESSIONCOLUMNS, "client_id" BOOL DEFAULT NULL, "guest" BOOL DEFAULT 1, "data" LONGTEXT,
		"userid" int DEFAULT 0, "username" varchar(150) DEFAULT '', PRIMARY KEY ("session_id")`,
	"users": `"id" SERIAL, "name" varchar(400) NOT NULL DEFAULT '', "username" varchar(150) NOT NULL DEFAULT '',
		"email" varchar(100) NOT NULL DEFAULT '', "block" BOOL NOT NULL DEFAULT 0, "activation" varchar(100) NOT NULL DEFAULT '',
		"requireReset" BOOL NOT NULL DEFAULT 0, PRIMARY KEY ("id"), UNIQUE ("username")`,
	"user_usergroup_map": `"user_id" int NOT NULL DEFAULT 0, "group_id" int NOT NULL DEFAULT 0,
		PRIMARY KEY ("user_id", "group_id")`,
	"usergroups": `"id" SERIAL, "parent_id" int NOT NULL DEFAULT 0, "lft" int NOT NULL DEFAULT 0, "rgt" int NOT NULL DEFAULT 0,
		"title" varchar(100) NOT NULL DEFAULT '', PRIMARY KEY ("id")`,
	"assets": `"id" SERIAL, "parent_id" int NOT NULL DEFAULT 0, "lft" int NOT NULL DEFAULT 0, "rgt" int NOT NULL DEFAULT 0,
		"level" int NOT NULL DEFAULT 0, "name" varchar(50) NOT NULL DEFAULT '', "title" varchar(100) NOT NULL DEFAULT '',
		"rules" varchar(5120) NOT NULL DEFAULT '{}', PRIMARY KEY ("id")`,
	"user_profiles": `"user_id" int NOT NULL, "profile_key" varchar(100) NOT NULL, "profile_value" text NOT NULL,
		"ordering" int NOT NULL DEFAULT 0, UNIQUE ("user_id", "profile_key")`,
	"extensions": `"extension_id" SERIAL, "name" varchar(100) NOT NULL DEFAULT '', "type" varchar(20) NOT NULL DEFAULT '',
		"element" varchar(100) NOT NULL DEFAULT '', "folder" varchar(100) NOT NULL DEFAULT '',
		"enabled" BOOL NOT NULL DEFAULT 0, "access" int NOT NULL DEFAULT 1, "state" int NOT NULL DEFAULT 0, "params" text,
		PRIMARY KEY ("extension_id")`,
	"user_mfa": `"id" SERIAL, "user_id" int NOT NULL, "title" varchar(255) NOT NULL DEFAULT '', "method" varchar(100) NOT NULL,
		"default" BOOL NOT NULL DEFAULT 0, PRIMARY KEY ("id")`,
	"services_tokens": `"id" SERIAL, "userid" int NOT NULL DEFAULT 0, "token" varchar(255) NOT NULL DEFAULT '',
		"state" BOOL NOT NULL DEFAULT 0, PRIMARY KEY ("id")`,
}

// tableDefinition returns the statement that makes a table, with #__ for the prefix.
func tableDefinition(d database, l layout, table string) string {
	columns := strings.Replace(tableDefinitions[table], "SESSIONCOLUMNS", sessionColumns[l], 1)
	return tableTypes[d.name].Replace(`CREATE TABLE "#__` + table + `" (` + columns + `) OPTIONS`)
}
