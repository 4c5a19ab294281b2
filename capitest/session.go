package capitest

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"
)

// sessionText returns the session of a user, or of a guest if the id is 0, as
// Joomla writes it: the variable joomla of PHP's session text, with the base64
// of a serialized Registry. Joomla 3 has its values in the namespace __default.
func sessionText(joomla int, user int64, at time.Time, token string, checked bool) string {
	id := serialize(user)
	if joomla == 3 {
		id = serialize(fmt.Sprint(user))
	}
	if user == 0 {
		id = serialize(0)
	}
	values := []string{
		"session", object("stdClass",
			"counter", serialize(2),
			"timer", object("stdClass", "start", serialize(at.Unix()), "last", serialize(at.Unix()), "now", serialize(at.Unix())),
			"token", serialize(token)),
		"registry", registry(joomla, object("stdClass")),
		"user", object(`Joomla\CMS\User\User`, "id", id),
	}
	if joomla > 3 && user != 0 && checked {
		values = append(values, "com_users", object("stdClass", "mfa_checked", serialize(1)))
	}
	data := object("stdClass", values...)
	if joomla == 3 {
		data = object("stdClass", "__default", data)
	}
	text := base64.StdEncoding.EncodeToString([]byte(registry(joomla, data)))
	return "joomla|" + serialize(text)
}

// registry returns a serialized Registry. Its separator is public in Joomla 3;
// everything else is protected.
func registry(joomla int, data string) string {
	separator := "\x00*\x00separator"
	if joomla == 3 {
		separator = "separator"
	}
	return object(`Joomla\Registry\Registry`, "\x00*\x00data", data, "\x00*\x00initialized", "b:0;", separator, serialize("."))
}

// object returns a serialized object with properties, each a name and a
// serialized value.
func object(class string, properties ...string) string {
	var text strings.Builder
	fmt.Fprintf(&text, `O:%d:"%s":%d:{`, len(class), class, len(properties)/2)
	for i := 0; i < len(properties); i += 2 {
		text.WriteString(serialize(properties[i]) + properties[i+1])
	}
	return text.String() + "}"
}

// serialize returns a string or an integer as PHP's serialize does.
func serialize(value any) string {
	if text, ok := value.(string); ok {
		return fmt.Sprintf(`s:%d:"%s";`, len(text), text)
	}
	return fmt.Sprintf("i:%d;", value)
}
