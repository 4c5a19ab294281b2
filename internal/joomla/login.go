package joomla

import "strconv"

// Namespace returns where Joomla keeps its own values in what Decode returns.
func Namespace(variables map[string]any) map[string]any {
	space := variables
	// Among variables of somebody else's, Joomla's own are one level down.
	if m, ok := space[registryVariable].(map[string]any); ok {
		space = m
	}
	// Joomla 3.x keeps everything in the namespace __default, 4 and later does without.
	if m, ok := space["__default"].(map[string]any); ok {
		space = m
	}
	return space
}

// Integer returns an integer of a decoded payload, 0 for what is none. It takes strings too: Joomla's user objects hold
// what the database driver returned.
func Integer(v any) int64 {
	switch v := v.(type) {
	case int64:
		return v
	case string:
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			return 0
		}
		return n
	default:
		return 0
	}
}
