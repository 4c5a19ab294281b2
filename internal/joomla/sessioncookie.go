package joomla

import (
	"crypto/md5" // Joomla's hash of cookie names. Nothing relies on its strength.
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
)

// maxCookieNames is how many names a site's session cookies can have.
const maxCookieNames = 4

// CookieNames returns the names of the session cookies of a site with the given
// $secret and $session_name. The name that
// Joomla\CMS\Application\ApplicationHelper::getHash makes of the secret and
// what the application is called is hashed again by its session class. Where
// sessionName is empty, it is called by its name, or by that of its class,
// which is what Joomla 4 and later fall back on.
func CookieNames(secret, sessionName string) []string {
	seeds := []string{
		"site", "administrator",
		`Joomla\CMS\Application\SiteApplication`, `Joomla\CMS\Application\AdministratorApplication`,
	}
	if sessionName != "" {
		seeds = []string{sessionName}
	}
	names := make([]string, len(seeds))
	for i, seed := range seeds {
		hash := md5.Sum([]byte(secret + seed))
		hash = md5.Sum(hex.AppendEncode(nil, hash[:]))
		names[i] = hex.EncodeToString(hash[:])
	}
	return names
}

// maxCookies is how many cookies PHP reads unless a site says otherwise
// (max_input_vars).
const maxCookies = 1000

// SessionIDs returns the values of the cookies in Cookie headers that have one
// of names, those of [CookieNames], and could be the id of a session, each
// once. It reads what PHP reads of them (php_default_treat_data and
// php_register_variable_ex in main/php_variables.c):
//
//   - The first of several cookies of one name counts, also where it is empty.
//   - A name that goes on as that of an array does, such as "name[]", before or
//     after the cookie, makes an array of its value, which is no id.
//   - Cookies after the first thousand do not count.
//
// Of several headers, which HTTP/1 forbids to browsers, nginx makes one with
// semicolons between them, and Apache one with commas. What counts is what PHP
// finds behind both.
func SessionIDs(headers, names []string) []string {
	switch len(headers) {
	case 0:
		return nil
	case 1:
		return sessionIDs(headers[0], names)
	}
	ids, apache := sessionIDs(strings.Join(headers, "; "), names), sessionIDs(strings.Join(headers, ", "), names)
	return slices.DeleteFunc(ids, func(id string) bool { return !slices.Contains(apache, id) })
}

// sessionIDs is SessionIDs for one header.
func sessionIDs(header string, names []string) []string {
	var values [maxCookieNames]string
	var seen, arrays [maxCookieNames]bool
	left := maxCookies
	for header != "" && left > 0 {
		var cookie string
		cookie, header, _ = strings.Cut(header, ";")
		name, value, _ := strings.Cut(strings.TrimLeft(cookie, NumericSpace), "=")
		if name == "" {
			continue // PHP does not count it, either.
		}
		left--
		name, index, bracket := strings.Cut(name, "[")
		i := slices.Index(names, name)
		switch {
		case i < 0:
		case !bracket:
			if !seen[i] {
				seen[i], values[i] = true, value
			}
		// Without the end of an index, it is another name: "name_".
		case strings.Contains(index, "]"):
			arrays[i] = true
		}
	}
	var ids []string
	for i, value := range values {
		if id, ok := sessionID(value); ok && !arrays[i] && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// maxSessionID is the size of the column for them, session_id of #__session.
const maxSessionID = 192

// sessionID returns the id that a cookie holds, if PHP could have made it.
func sessionID(value string) (string, bool) {
	if len(value) > 3*maxSessionID {
		return "", false
	}
	// PHP escapes the comma, which ids of six bits a character may have.
	id, err := url.QueryUnescape(value)
	return id, err == nil && IsSessionID(id)
}

// IsSessionID reports whether PHP could have made id, which then holds nothing
// that means more in a path, a key or a protocol. One of more than 192
// characters is none to Joomla, whose column has no room for it.
func IsSessionID(id string) bool {
	for _, c := range []byte(id) {
		if c != '-' && c != ',' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return id != "" && len(id) <= maxSessionID
}
