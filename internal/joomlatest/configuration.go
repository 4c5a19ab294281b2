package joomlatest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ConfigurationPHP returns a configuration.php with these properties, in the
// order of their names, as Joomla 4 and later write it (the class Php of its
// package Registry). A value is text, a number, a bool or nil.
func ConfigurationPHP(properties map[string]any) string {
	var text strings.Builder
	text.WriteString("<?php\nclass JConfig {\n")
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		fmt.Fprintf(&text, "\tpublic $%s = %s;\n", name, phpLiteral(properties[name]))
	}
	text.WriteString("}\n")
	return text.String()
}

func phpLiteral(value any) string {
	switch value := value.(type) {
	case nil:
		return "null"
	case string:
		return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value) + "'"
	}
	return fmt.Sprint(value)
}
