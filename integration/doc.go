// Package integration tests the capi library against real MariaDB, PostgreSQL
// and SQLite, with tables of Joomla's own column types, and measures it over
// their real drivers. It has only tests, and is a separate module, so that
// importing the library does not bring in drivers.
//
// The servers are those of CAPI_MYSQL_DSN and CAPI_POSTGRES_DSN, by default
// local ones. The tests of MariaDB also run on MySQL: unpack its server, and
// set its DSN:
//
//	mysqld --initialize-insecure --datadir=/tmp/mysql
//	mysqld --datadir=/tmp/mysql --socket=/tmp/mysql.sock --port=3307 --mysqlx=off &
//	mysql -u root -h 127.0.0.1 -P 3307 -e 'CREATE DATABASE test'
//	CAPI_MYSQL_DSN='root@tcp(127.0.0.1:3307)/test' go test .
package integration
