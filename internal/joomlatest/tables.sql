CREATE TABLE "#__session" ("session_id" SESSIONID, "client_id" BOOL DEFAULT NULL, "guest" BOOL DEFAULT 1,
	"time" SESSIONTIME, "data" LONGTEXT, "userid" int DEFAULT 0, "username" varchar(150) DEFAULT '',
	PRIMARY KEY ("session_id")) OPTIONS;
CREATE TABLE "#__users" ("id" SERIAL, "name" varchar(400) NOT NULL DEFAULT '', "username" varchar(150) NOT NULL DEFAULT '',
	"email" varchar(100) NOT NULL DEFAULT '', "block" BOOL NOT NULL DEFAULT 0, "activation" varchar(100) NOT NULL DEFAULT '',
	REQUIRERESET PRIMARY KEY ("id"), UNIQUE ("username")) OPTIONS;
CREATE TABLE "#__user_usergroup_map" ("user_id" int NOT NULL DEFAULT 0, "group_id" int NOT NULL DEFAULT 0,
	PRIMARY KEY ("user_id", "group_id")) OPTIONS;
CREATE TABLE "#__usergroups" ("id" SERIAL, "parent_id" int NOT NULL DEFAULT 0, "lft" int NOT NULL DEFAULT 0,
	"rgt" int NOT NULL DEFAULT 0, "title" varchar(100) NOT NULL DEFAULT '', PRIMARY KEY ("id")) OPTIONS;
CREATE TABLE "#__viewlevels" ("id" SERIAL, "title" varchar(100) NOT NULL DEFAULT '', "ordering" int NOT NULL DEFAULT 0,
	"rules" varchar(5120) NOT NULL, PRIMARY KEY ("id"), UNIQUE ("title")) OPTIONS;
INSERT INTO "#__viewlevels" ("id", "title", "ordering", "rules") VALUES (1, 'Public', 0, '[1]'),
	(2, 'Registered', 2, '[6,2,8]'), (3, 'Special', 3, '[6,3,8]'), (5, 'Guest', 1, '[9]'), (6, 'Super Users', 4, '[8]');
CREATE TABLE "#__assets" ("id" SERIAL, "parent_id" int NOT NULL DEFAULT 0, "lft" int NOT NULL DEFAULT 0,
	"rgt" int NOT NULL DEFAULT 0, "level" int NOT NULL DEFAULT 0, "name" varchar(50) NOT NULL,
	"title" varchar(100) NOT NULL DEFAULT '', "rules" varchar(5120) NOT NULL DEFAULT '{}',
	PRIMARY KEY ("id"), UNIQUE ("name")) OPTIONS;
CREATE TABLE "#__user_profiles" ("user_id" int NOT NULL, "profile_key" varchar(100) NOT NULL, "profile_value" text NOT NULL,
	"ordering" int NOT NULL DEFAULT 0, UNIQUE ("user_id", "profile_key")) OPTIONS;
CREATE TABLE "#__extensions" ("extension_id" SERIAL, "name" varchar(100) NOT NULL DEFAULT '', "type" varchar(20) NOT NULL DEFAULT '',
	"element" varchar(100) NOT NULL DEFAULT '', "folder" varchar(100) NOT NULL DEFAULT '', "enabled" BOOL NOT NULL DEFAULT 0,
	LOCKED "access" int NOT NULL DEFAULT 1, "params" text NOT NULL DEFAULT (''), "state" int DEFAULT 0,
	PRIMARY KEY ("extension_id")) OPTIONS;
CREATE TABLE "#__user_mfa" ("id" SERIAL, "user_id" int NOT NULL, "title" varchar(255) NOT NULL DEFAULT '',
	"method" varchar(100) NOT NULL, "default" BOOL NOT NULL DEFAULT 0, "options" LONGTEXT NOT NULL DEFAULT (''),
	"created_on" DATETIME NOT NULL DEFAULT '2026-11-24 00:00:00', "last_used" DATETIME, "tries" int NOT NULL DEFAULT 0,
	"last_try" DATETIME, PRIMARY KEY ("id")) OPTIONS;
CREATE TABLE "#__services_tokens" ("id" SERIAL, "userid" int NOT NULL DEFAULT 0, "token" varchar(255) NOT NULL DEFAULT '',
	"state" BOOL NOT NULL DEFAULT 0, PRIMARY KEY ("id")) OPTIONS;
