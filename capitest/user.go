package capitest

import (
	"crypto/hmac"
	"crypto/md5" // Joomla's hash of cookie names.
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math"
	"net/http"
	"time"
	"unicode"
	"unicode/utf8"
)

// A User is a user with an account. Changes of fields take effect with
// [User.Save].
type User struct {
	// ID is the id. Zero is the next free one.
	ID int64
	// Username is the login name, and must not be empty.
	Username string
	// Name is the full name, and Email the address. If empty, they are made
	// from Username.
	Name, Email string
	// Groups are the groups that the user is assigned to. Nil is Registered.
	Groups []int64
	// Blocked, NotActivated and MustResetPassword each keep the user out.
	Blocked, NotActivated, MustResetPassword bool
	// SecondFactor gives the user a second factor, which Joomla asks for after
	// the password.
	SecondFactor bool

	site *Site
}

// AddUser adds a user to the site. The test fails if the name or the id is
// taken, the id is none that Joomla has, or a group does not exist.
func (s *Site) AddUser(user User) *User {
	s.t.Helper()
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if user.ID < 0 || user.ID > math.MaxInt32 {
		s.t.Fatalf("capitest: Joomla has no id %d", user.ID)
	}
	if user.SecondFactor && s.options.Joomla == 3 {
		s.t.Fatal("capitest: Joomla 3 asks for a second factor together with the password")
	}
	if user.ID == 0 {
		s.last++
		user.ID = s.last
	}
	s.last = max(s.last, user.ID)
	for _, line := range s.tables[prefix+"users"].rows {
		if line[0] == user.ID {
			s.t.Fatalf("capitest: there is a user %d, %q", line[0], line[2])
		}
	}
	if user.Name == "" && user.Username != "" {
		first, size := utf8.DecodeRuneInString(user.Username)
		user.Name = string(unicode.ToUpper(first)) + user.Username[size:]
	}
	if user.Email == "" {
		user.Email = user.Username + "@example.org"
	}
	if user.Groups == nil {
		user.Groups = []int64{Registered}
	}
	user.site = s
	s.insert("users", map[string]any{"id": user.ID})
	user.write()
	return &user
}

// Save writes the fields of the user to the site, except the ID. The test fails
// if the name is another user's, or a group does not exist.
func (u *User) Save() {
	u.site.t.Helper()
	u.site.mutex.Lock()
	defer u.site.mutex.Unlock()
	u.write()
}

// write is Save with the site locked.
func (u *User) write() {
	s := u.site
	s.t.Helper()
	if u.Username == "" {
		s.t.Fatal("capitest: a User without a Username")
	}
	for _, line := range s.tables[prefix+"users"].rows {
		if line[0] != u.ID && line[2] == u.Username {
			s.t.Fatalf("capitest: there is a user %d, %q", line[0], line[2])
		}
	}
	activation := ""
	if u.NotActivated {
		activation = "8c1f0d5e2b7a4936"
	}
	s.update("users", u.ID, map[string]any{
		"username": u.Username, "name": u.Name, "email": u.Email, "block": boolean(u.Blocked),
		"activation": activation, "requireReset": boolean(u.MustResetPassword),
	})
	s.remove("user_usergroup_map", u.ID)
	for _, group := range u.Groups {
		if _, ok := s.groups[group]; !ok {
			s.t.Fatalf("capitest: there is no group %d", group)
		}
		s.insert("user_usergroup_map", map[string]any{"user_id": u.ID, "group_id": group})
	}
	if s.options.Joomla > 3 {
		s.remove("user_mfa", u.ID)
		if u.SecondFactor {
			s.insert("user_mfa", map[string]any{"user_id": u.ID, "method": "totp"})
		}
	}
}

// Delete deletes the user. Their sessions stay, as in Joomla.
func (u *User) Delete() {
	s := u.site
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.remove("users", u.ID)
	s.remove("user_usergroup_map", u.ID)
	s.remove("user_profiles", u.ID)
}

// Cookie logs the user in on the site, with their second factor if they have
// one, and returns the cookie of the session.
func (u *User) Cookie() *http.Cookie { return u.Login(Login{}) }

// A Login is a way to log in. The zero Login is on the site, now, and with the
// second factor.
type Login struct {
	// Administrator logs in to the administrator application.
	Administrator bool
	// SecondFactorPending stops before the second factor, which the user must
	// have.
	SecondFactorPending bool
	// Ago is how long ago the session made its last request.
	Ago time.Duration

	_ struct{} // Settings are written with names.
}

// Login begins a session of the user and returns its cookie. The test fails if
// the user has no second factor that could be pending.
func (u *User) Login(l Login) *http.Cookie {
	s := u.site
	s.t.Helper()
	if l.SecondFactorPending && !u.SecondFactor {
		s.t.Fatalf("capitest: user %q has no second factor to wait for", u.Username)
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.begin(u, l)
}

// AddGuest begins a session of somebody who is not logged in, and returns its
// cookie.
func (s *Site) AddGuest() *http.Cookie {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.begin(&User{}, Login{})
}

// Logout ends the session of a cookie.
func (s *Site) Logout(cookie *http.Cookie) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.remove("session", cookie.Value)
	delete(s.payloads, cookie.Value)
}

// begin begins a session of a user, or of a guest if the ID is 0.
func (s *Site) begin(u *User, l Login) *http.Cookie {
	cookie := &http.Cookie{Name: s.cookieName(l.Administrator), Value: random(26)}
	at := s.options.Now().Add(-l.Ago)
	text := sessionText(s.options.Joomla, u.ID, at, random(32), !l.SecondFactorPending)
	inTable := s.options.SessionHandler == "database"
	line := map[string]any{
		"session_id": cookie.Value, "client_id": boolean(l.Administrator), "guest": boolean(u.ID == 0),
		"time": at.Unix(), "userid": u.ID, "username": u.Username,
	}
	if s.options.SessionMetadataOff {
		line["client_id"], line["guest"], line["userid"], line["username"] = nil, int64(1), int64(0), ""
	}
	if inTable {
		line["data"] = text
	} else {
		s.payloads[cookie.Value] = text
	}
	if inTable || !s.options.SessionMetadataOff {
		s.insert("session", line)
	}
	return cookie
}

// cookieName returns the name of an application's session cookie.
func (s *Site) cookieName(administrator bool) string {
	application := "site"
	if administrator {
		application = "administrator"
	}
	hash := md5.Sum([]byte(s.config.Secret.Reveal() + application))
	hash = md5.Sum([]byte(hex.EncodeToString(hash[:])))
	return hex.EncodeToString(hash[:])
}

// random returns n random hexadecimal digits.
func random(n int) string {
	digits := make([]byte, n/2)
	_, _ = rand.Read(digits) // It never fails.
	return hex.EncodeToString(digits)
}

// APIToken returns the user's Joomla API token, which it enables. The site
// accepts it if the user is in one of [Options.APITokenGroups]. The test fails
// on Joomla 3, which has none.
func (u *User) APIToken() string {
	s := u.site
	s.t.Helper()
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.options.Joomla == 3 {
		s.t.Fatal("capitest: Joomla 3 has no API tokens")
	}
	seed := []byte(fmt.Sprintf("seed of the token of user %d", u.ID))
	s.remove("user_profiles", u.ID)
	s.insert("user_profiles", map[string]any{"user_id": u.ID, "profile_key": "joomlatoken.enabled", "profile_value": "1"})
	s.insert("user_profiles", map[string]any{"user_id": u.ID, "profile_key": "joomlatoken.token",
		"profile_value": base64.StdEncoding.EncodeToString(seed)})
	mac := hmac.New(sha256.New, []byte(s.config.Secret.Reveal()))
	mac.Write(seed)
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "sha256:%d:%x", u.ID, mac.Sum(nil)))
}

// CAPIToken returns a new token of the cAPI extension for the user.
func (u *User) CAPIToken() string {
	s := u.site
	s.mutex.Lock()
	defer s.mutex.Unlock()
	token := random(32)
	s.insert("services_tokens", map[string]any{"userid": u.ID, "token": token, "state": int64(1)})
	return token
}
