package integration_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
)

// payloadOf returns the data of a user's session, in a form that every Joomla
// since 3.4.7 reads. Members are further names in the namespace of its
// Registry, each followed by its serialized value. User 0 is a guest.
func payloadOf(user int64, members ...string) string {
	if !slices.Contains(members, "session") {
		members = append(members, lastRequest(4_102_444_800)...) // 2100, later than any test.
	}
	var text strings.Builder
	fmt.Fprintf(&text, `s:4:"user";O:20:"Joomla\CMS\User\User":1:{s:2:"id";i:%d;}`, user)
	for i, part := range members {
		if i%2 == 0 {
			part = fmt.Sprintf(`s:%d:"%s";`, len(part), part)
		}
		text.WriteString(part)
	}
	return wrapped(fmt.Sprintf("O:24:\"Joomla\\Registry\\Registry\":1:{s:7:\"\x00*\x00data\";"+
		`O:8:"stdClass":1:{s:9:"__default";O:8:"stdClass":%d:{%s}}}`, 1+len(members)/2, &text))
}

// wrapped returns a session whose only variable, joomla, holds a serialized
// Registry.
func wrapped(serialized string) string {
	encoded := base64.StdEncoding.EncodeToString([]byte(serialized))
	return fmt.Sprintf(`joomla|s:%d:"%s";`, len(encoded), encoded)
}

// withFactor returns members of payloadOf: mfa_checked and mandatory_mfa_setup,
// each unless it is empty.
func withFactor(checked, mandatory string) []string {
	var n int
	var text string
	if checked != "" {
		n++
		text += `s:11:"mfa_checked";` + checked
	}
	if mandatory != "" {
		n++
		text += `s:19:"mandatory_mfa_setup";` + mandatory
	}
	return []string{"com_users", fmt.Sprintf(`O:8:"stdClass":%d:{%s}`, n, text)}
}

// lastRequest returns members of payloadOf: the time of the last request.
func lastRequest(seconds int64) []string {
	return []string{"session", fmt.Sprintf(`O:8:"stdClass":2:{s:7:"counter";i:2;s:5:"timer";O:8:"stdClass":1:{s:3:"now";i:%d;}}`, seconds)}
}
