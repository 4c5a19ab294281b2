package site

import (
	"context"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"database/sql"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"time"
)

const (
	prefix = "demo_"
	secret = "secret-of-the-demo-site"

	capiToken = "capi-token-of-admin"
	userAgent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
)

// The tables that the library reads, with the columns of Joomla 5. Of the
// indexes, they have only primary keys.
//
//go:embed tables.sql
var tables string

// groups are those of Joomla's own that matter here, and two below Super Users:
// Ops, which inherits core.admin, and one that is denied it.
const groups = `INSERT INTO #__usergroups (id, parent_id, lft, rgt, title) VALUES (1, 0, 1, 12, 'Public'),
	(2, 1, 2, 3, 'Registered'), (6, 1, 4, 5, 'Manager'), (8, 1, 6, 11, 'Super Users'), (20, 8, 7, 10, 'Ops'),
	(21, 20, 8, 9, 'Ops without administration');
INSERT INTO #__assets (id, parent_id, lft, rgt, level, name, title, rules)
	VALUES (1, 0, 0, 1, 0, 'root.1', 'Root Asset', '{"core.admin":{"8":1,"21":0}}');
INSERT INTO #__extensions (type, folder, element, enabled, params)
	VALUES ('plugin', 'api-authentication', 'token', 1, '{}'), ('plugin', 'user', 'token', 1, '{}');
INSERT INTO #__services_tokens (token, userid, state) VALUES ('` + capiToken + `', 35, 1)`

// An account is a user who has a session.
type account struct {
	id        int
	username  string
	group     int
	client    int // of the session
	sessionID string
}

var (
	admin      = account{35, "admin", 8, 1, "vg2cpnvcc8gvgdcie0n9qvobhu"}
	registered = account{101, "registered", 2, 0, "iegteeqfptcnegksfjqedtkehj"}
	denied     = account{104, "opsdenied", 21, 0, "u0krvcv04hqacimpdtl88glmlh"}
)

func accounts() []account {
	return []account{
		admin, registered, denied, {102, "super", 8, 0, "2tim1eu5vbrc9ne9sgvitucmd8"}, {103, "ops", 20, 1, "3m8e0v4f237l176svgqrof2a7q"},
		{117, "manager", 6, 1, "850mja5ltp6d1veliff962qjo2"}, {120, "Ünï_çødé", 8, 0, "lc3d07ts2d9cqubku3dij8r717"},
		{121, "o'quote", 8, 0, "khs8qpd3ufdnvt5v6jlkng2q6c"}, {122, "zoe", 2, 0, "7j4jicar44gr2899v54snirnah"},
	}
}

// user returns the credentials of an account.
func (a account) user() User {
	application := [...]string{"site", "administrator"}[a.client]
	// Joomla hashes the name of the cookie with the site's secret, and then
	// once more.
	once := md5.Sum([]byte(secret + application))
	twice := md5.Sum(hex.AppendEncode(nil, once[:]))
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(a.seed()))
	token := fmt.Sprintf("sha256:%d:%x", a.id, mac.Sum(nil))
	return User{
		Username: a.username,
		Cookie:   http.Cookie{Name: hex.EncodeToString(twice[:]), Value: a.sessionID},
		APIToken: base64.StdEncoding.EncodeToString([]byte(token)),
	}
}

// seed is the seed of the account's API token.
func (a account) seed() string { return "seed of the token of " + a.username }

// A session is a row of #__session, with the types of its columns.
type session struct {
	id            string
	client, guest any
	written       int64
	data          any
	userID        any
	username      any
}

// sessions returns the sessions of accounts and of guests, and some in the
// forms of older versions. The newest was written at now.
func sessions(now time.Time) []session {
	var all []session
	add := func(id string, client, guest, data, userID, username any) {
		n := int64(len(all))
		all = append(all, session{id, client, guest, now.Unix() - 7*n*n, data, userID, username})
	}
	token := func(id string) string { sum := md5.Sum([]byte(id)); return hex.EncodeToString(sum[:]) }
	for i, a := range accounts() {
		add(a.sessionID, a.client, 0, registryData(a.id, 1+i, now.Unix()-int64(7*i*i), userAgent, token(a.sessionID)), a.id, a.username)
	}
	add("rs25pp9sf26tn56po0gnu2qdq4", 0, 1, registryData(0, 1, now.Unix()-600, userAgent, token("guest")), 0, "")
	add("0i6fcirbg5vdgmjadiuc6gl4dh", 0, 1, "", 0, "")
	add("0uj0ft7jr7tg9rmaj6j44nf5rs", 0, 1, "", 0, "")
	add("d41d8f00b2c4e9800998ecf8127e0a11", 0, 0, oldData(now.Unix()-1000, `s:2:"id";s:3:"102";s:8:"username";s:5:"super";`+
		`s:8:"password";s:28:"$2y$10$this.is.no.real.hash.";s:6:"otpKey";s:16:"JBSWY3DPEHPK3PXP";`, 4), 102, "super")
	add("9e107d9d372bb6826bd81d3542a419d6", 0, 1, oldData(now.Unix()-1200, `s:2:"id";i:0;`, 1), 0, "")
	add("2u3alp1thnmrrg688nkauopgsu", nil, 0, nil, 103, "ops")
	add("19lfmqmrpepsea7v0f7r3fkhlo", 1, nil, nil, nil, nil)
	return all
}

// oldData returns a session as Joomla before 3.4.7 stored it, with the given
// number of properties in its user.
func oldData(now int64, user string, properties int) string {
	return fmt.Sprintf(`__default|a:6:{s:15:"session.counter";i:6;s:19:"session.timer.start";i:%d;s:18:"session.timer.last";i:%d;`+
		`s:17:"session.timer.now";i:%d;s:22:"session.client.browser";s:%d:"%s";s:4:"user";O:5:"JUser":%d:{%s}}`,
		now-300, now-20, now, len(userAgent), userAgent, properties, user)
}

// create creates the tables in db and fills them.
func create(ctx context.Context, db *sql.DB, extra int) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // Does nothing after the commit.
	exec := func(statement string, args ...any) {
		if err == nil {
			_, err = tx.ExecContext(ctx, strings.ReplaceAll(statement, "#__", prefix), args...)
		}
	}
	exec(tables)
	exec(groups)
	for _, a := range accounts() {
		exec(`INSERT INTO #__users (id, name, username, email) VALUES (?, ?, ?, ?)`, a.id, a.username+" name", a.username, a.username+"@example.org")
		exec(`INSERT INTO #__user_usergroup_map (user_id, group_id) VALUES (?, ?)`, a.id, a.group)
		exec(`INSERT INTO #__user_profiles (user_id, profile_key, profile_value) VALUES (?, 'joomlatoken.enabled', '1'), (?, 'joomlatoken.token', ?)`,
			a.id, a.id, base64.StdEncoding.EncodeToString([]byte(a.seed())))
	}
	now := time.Now()
	for _, s := range append(sessions(now), generate(extra, now)...) {
		exec(`INSERT INTO #__session (session_id, client_id, guest, time, data, userid, username) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			s.id, s.client, s.guest, s.written, s.data, s.userID, s.username)
		if s.userID != 0 { // Without its user, a session is a guest's.
			exec(`INSERT OR IGNORE INTO #__users (id, name, username, email) VALUES (?, ?, ?, '')`, s.userID, s.username, s.username)
		}
	}
	if err != nil {
		return err
	}
	return tx.Commit()
}
