CREATE TABLE "#__session" (
	"session_id" varbinary(192) NOT NULL PRIMARY KEY, "client_id" tinyint unsigned,
	"guest" tinyint unsigned DEFAULT 1, "time" int NOT NULL DEFAULT 0, "data" mediumtext, "userid" int DEFAULT 0,
	"username" varchar(150) DEFAULT '') CHARSET utf8mb4;
CREATE TABLE "#__users" (
	"id" int NOT NULL PRIMARY KEY, "name" varchar(400) NOT NULL, "username" varchar(150) NOT NULL,
	"email" varchar(100) NOT NULL, "block" tinyint NOT NULL DEFAULT 0,
	"activation" varchar(100) NOT NULL DEFAULT '', "requireReset" tinyint NOT NULL DEFAULT 0) CHARSET utf8mb4;
CREATE TABLE "#__user_usergroup_map" (
	"user_id" int unsigned NOT NULL, "group_id" int unsigned NOT NULL, PRIMARY KEY ("user_id", "group_id"));
CREATE TABLE "#__usergroups" (
	"id" int unsigned NOT NULL PRIMARY KEY, "parent_id" int unsigned NOT NULL, "lft" int NOT NULL,
	"rgt" int NOT NULL, "title" varchar(100) NOT NULL) CHARSET utf8mb4;
CREATE TABLE "#__assets" (
	"id" int unsigned NOT NULL PRIMARY KEY, "parent_id" int NOT NULL, "lft" int NOT NULL, "rgt" int NOT NULL,
	"level" int unsigned NOT NULL, "name" varchar(50) NOT NULL, "title" varchar(100) NOT NULL,
	"rules" varchar(5120) NOT NULL) CHARSET utf8mb4;
CREATE TABLE "#__user_profiles" (
	"user_id" int NOT NULL, "profile_key" varchar(100) NOT NULL, "profile_value" text NOT NULL,
	"ordering" int NOT NULL DEFAULT 0, PRIMARY KEY ("user_id", "profile_key")) CHARSET utf8mb4;
CREATE TABLE "#__extensions" (
	"extension_id" int NOT NULL AUTO_INCREMENT PRIMARY KEY, "type" varchar(20) NOT NULL,
	"element" varchar(100) NOT NULL, "folder" varchar(100) NOT NULL, "enabled" tinyint NOT NULL,
	"params" text NOT NULL) CHARSET utf8mb4;
CREATE TABLE "#__services_tokens" (
	"token" varchar(255) NOT NULL, "userid" int NOT NULL, "state" tinyint NOT NULL) CHARSET utf8mb4;
