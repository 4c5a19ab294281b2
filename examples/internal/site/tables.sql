CREATE TABLE "#__session" (
	"session_id" text NOT NULL PRIMARY KEY, "client_id" integer, "guest" integer DEFAULT 1,
	"time" integer NOT NULL DEFAULT 0, "data" text, "userid" integer DEFAULT 0, "username" text DEFAULT '');
CREATE TABLE "#__users" (
	"id" integer NOT NULL PRIMARY KEY, "name" text NOT NULL, "username" text NOT NULL, "email" text NOT NULL,
	"block" integer NOT NULL DEFAULT 0, "activation" text NOT NULL DEFAULT '',
	"requireReset" integer NOT NULL DEFAULT 0);
CREATE TABLE "#__user_usergroup_map" (
	"user_id" integer NOT NULL, "group_id" integer NOT NULL, PRIMARY KEY ("user_id", "group_id"));
CREATE TABLE "#__usergroups" (
	"id" integer NOT NULL PRIMARY KEY, "parent_id" integer NOT NULL, "lft" integer NOT NULL, "rgt" integer NOT NULL,
	"title" text NOT NULL);
CREATE TABLE "#__assets" (
	"id" integer NOT NULL PRIMARY KEY, "parent_id" integer NOT NULL, "lft" integer NOT NULL, "rgt" integer NOT NULL,
	"level" integer NOT NULL, "name" text NOT NULL, "title" text NOT NULL, "rules" text NOT NULL);
CREATE TABLE "#__user_profiles" (
	"user_id" integer NOT NULL, "profile_key" text NOT NULL, "profile_value" text NOT NULL,
	"ordering" integer NOT NULL DEFAULT 0, PRIMARY KEY ("user_id", "profile_key"));
CREATE TABLE "#__extensions" (
	"extension_id" integer NOT NULL PRIMARY KEY, "type" text NOT NULL, "element" text NOT NULL,
	"folder" text NOT NULL, "enabled" integer NOT NULL, "access" integer NOT NULL DEFAULT 1, "state" integer NOT NULL DEFAULT 0,
	"locked" integer NOT NULL DEFAULT 0, "params" text NOT NULL);
CREATE TABLE "#__viewlevels" ("id" integer NOT NULL PRIMARY KEY, "rules" text NOT NULL);
CREATE TABLE "#__services_tokens" (
	"token" text NOT NULL, "userid" integer NOT NULL, "state" integer NOT NULL);
