package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// recordTree compares the page as screen readers get it with what is recorded in
// testdata/accessibility. With CAPI_RECORD set, it records it anew.
func (b *tab) recordTree(name string) {
	b.t.Helper()
	path := filepath.Join("testdata", "accessibility", name+".txt")
	got := b.tree()
	if os.Getenv("CAPI_RECORD") != "" {
		require.NoError(b.t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(b.t, os.WriteFile(path, []byte(got), 0o644))
		return
	}
	want, err := os.ReadFile(path)
	require.NoError(b.t, err)
	assert.Equal(b.t, string(want), got)
}

// told are the properties of elements that are told.
var told = map[accessibility.PropertyName]bool{
	"busy": true, "checked": true, "disabled": true, "expanded": true, "hasPopup": true, "level": true, "live": true, "modal": true,
	"pressed": true, "required": true,
}

// passing are texts that are other ones each time.
var passing = regexp.MustCompile(`(?:[A-Z][a-z]+ \d+, 20\d\d, )?\d+:\d\d:\d\d.[AP]M`)

// tree returns the accessibility tree, a line for each element that has
// something to say.
func (b *tab) tree() string {
	b.t.Helper()
	answer, err := chromedp.Call(b.ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	require.NoError(b.t, err)
	nodes := map[accessibility.NodeID]*accessibility.Node{}
	for _, node := range answer.Nodes {
		nodes[node.NodeID] = node
	}
	var text strings.Builder
	var write func(node *accessibility.Node, depth int, parent string)
	write = func(node *accessibility.Node, depth int, parent string) {
		role, name := valueOf(node.Role), valueOf(node.Name)
		silent := node.Ignored || role == "none" || role == "generic" || role == "InlineTextBox" || role == "LineBreak" ||
			role == "StaticText" && strings.Contains(parent, name)
		if !silent {
			fmt.Fprintf(&text, "%s%s %q", strings.Repeat("  ", depth), role, name)
			for _, property := range node.Properties {
				if value := valueOf(property.Value); told[property.Name] && value != "false" && value != "" {
					fmt.Fprintf(&text, " %s=%s", property.Name, value)
				}
			}
			if value := valueOf(node.Value); value != "" && role != "StaticText" {
				fmt.Fprintf(&text, " value=%q", value)
			}
			text.WriteByte('\n')
			depth++
			parent = name
		}
		for _, child := range node.ChildIDs {
			if nodes[child] != nil {
				write(nodes[child], depth, parent)
			}
		}
	}
	write(answer.Nodes[0], 0, "")
	return passing.ReplaceAllString(text.String(), "TIME")
}

// valueOf returns a value as text.
func valueOf(value *accessibility.Value) string {
	if value == nil {
		return ""
	}
	var any any
	if json.Unmarshal(value.Value, &any) != nil || any == nil {
		return ""
	}
	return fmt.Sprint(any)
}
