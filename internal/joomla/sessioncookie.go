package joomla

import (
	"crypto/md5" // Joomla's hash of cookie names. Nothing relies on its strength.
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
)

// maxCookieNames is the maximal number of names of a site's session cookies.
const maxCookieNames = 4

// CookieNames returns the names of the session cookies of a site with the given
// $secret and $session_name. Joomla\CMS\Application\ApplicationHelper::getHash
// hashes the secret and the session name, and the session class hashes the
// result again. If sessionName is empty, the session name is the application's
// name or, as a fallback of Joomla 4 and later, that of its class.
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

// SessionIDs returns the values of cookies that have one of names, which
// [CookieNames] returns, and could be session ids, without duplicates. It reads
// Cookie headers as PHP does (php_default_treat_data and
// php_register_variable_ex in main/php_variables.c):
//
//   - The first of several cookies of the same name counts, even if it is
//     empty.
//   - A name with the syntax of an array, such as "name[]", before or after the
//     cookie, makes its value an array, which is not an id.
//   - Cookies after the first thousand do not count.
//
// HTTP/1 forbids browsers to send several headers. nginx joins them with
// semicolons, and Apache with commas. An id counts if PHP finds it behind both.
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
			continue // PHP does not count it either.
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
		// Without a closing bracket, it is another name: "name_".
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

// maxSessionID is the size of the column session_id of #__session.
const maxSessionID = 192

// sessionID returns the id in a cookie, if PHP could have made it.
func sessionID(value string) (string, bool) {
	if len(value) > 3*maxSessionID {
		return "", false
	}
	// PHP escapes the comma, which ids with six bits per character may have.
	id, err := url.QueryUnescape(value)
	return id, err == nil && IsSessionID(id)
}

// IsSessionID reports whether PHP could have made id, which then has no special
// characters for paths, keys or protocols. It refuses more than 192 characters,
// for which Joomla's column has no room.
func IsSessionID(id string) bool {
	for _, c := range []byte(id) {
		if c != '-' && c != ',' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return id != "" && len(id) <= maxSessionID
}
