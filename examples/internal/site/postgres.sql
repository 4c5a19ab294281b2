CREATE TABLE "#__session" (
	"session_id" bytea NOT NULL PRIMARY KEY, "client_id" smallint, "guest" smallint DEFAULT 1,
	"time" integer NOT NULL DEFAULT 0, "data" text, "userid" bigint DEFAULT 0, "username" varchar(150) DEFAULT '');
CREATE TABLE "#__users" (
	"id" integer NOT NULL PRIMARY KEY, "name" varchar(255) NOT NULL, "username" varchar(150) NOT NULL,
	"email" varchar(100) NOT NULL, "block" smallint NOT NULL DEFAULT 0,
	"activation" varchar(100) NOT NULL DEFAULT '', "requireReset" smallint NOT NULL DEFAULT 0);
CREATE TABLE "#__user_usergroup_map" (
	"user_id" bigint NOT NULL, "group_id" bigint NOT NULL, PRIMARY KEY ("user_id", "group_id"));
CREATE TABLE "#__usergroups" (
	"id" bigint NOT NULL PRIMARY KEY, "parent_id" bigint NOT NULL, "lft" bigint NOT NULL, "rgt" bigint NOT NULL,
	"title" varchar(100) NOT NULL);
CREATE TABLE "#__assets" (
	"id" bigint NOT NULL PRIMARY KEY, "parent_id" bigint NOT NULL, "lft" bigint NOT NULL, "rgt" bigint NOT NULL,
	"level" integer NOT NULL, "name" varchar(50) NOT NULL, "title" varchar(100) NOT NULL, "rules" text NOT NULL);
CREATE TABLE "#__user_profiles" (
	"user_id" bigint NOT NULL, "profile_key" varchar(100) NOT NULL, "profile_value" text NOT NULL,
	"ordering" bigint NOT NULL DEFAULT 0, PRIMARY KEY ("user_id", "profile_key"));
CREATE TABLE "#__extensions" (
	"extension_id" serial NOT NULL PRIMARY KEY, "type" varchar(20) NOT NULL, "element" varchar(100) NOT NULL,
	"folder" varchar(100) NOT NULL, "enabled" smallint NOT NULL, "params" text NOT NULL);
CREATE TABLE "#__services_tokens" (
	"token" varchar(255) NOT NULL, "userid" integer NOT NULL, "state" smallint NOT NULL);
