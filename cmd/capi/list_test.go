package main

import (
	"strings"
	"testing"
	"time"

	"github.com/capi-go/capi"
	"github.com/mattn/go-runewidth"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestProgress(t *testing.T) {
	var shown strings.Builder
	p := &progress{w: &shown, shown: time.Now().Add(-time.Hour)}
	for range 100 {
		p.next()
	}
	p.end()
	assert.Equal(t, "\r64 sessions …\r\x1b[K100 sessions read\n", shown.String())

	p = newProgress(&shown) // No terminal.
	before := shown.Len()
	p.next()
	p.end()
	assert.Equal(t, before, shown.Len())
}

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"steve":            "steve",
		"Zoë 山田":           "Zoë 山田",
		"a\x1b[2Jb\x00":    "a\uFFFD[2Jb\uFFFD",
		"a\u202Enimda":     "a\uFFFDnimda",
		"admin\u200B":      "admin\uFFFD",
		"admin\u3164":      "admin\uFFFD",
		"ad\u034Fmin":      "ad\uFFFDmin",
		"ad\u200Dmin":      "ad\uFFFDmin", // Would look like another's name.
		"می\u200Cخواهم":    "می\u200Cخواهم",
		"क्\u200Dष":        "क्\u200Dष",
		"👨\u200D👩":         "👨\u200D👩",
		"👨\u200D":          "👨\uFFFD",
		"bad \xff":         "bad \uFFFD",
		"\u009b2J":         "\uFFFD2J",
		"line\nbreak\ttab": "line\uFFFDbreak\uFFFDtab",
	} {
		assert.Equal(t, want, printable(text), "%q", text)
	}
}

func TestNotFormula(t *testing.T) {
	for cell, want := range map[string]string{
		"":            "",
		"a=b":         "a=b",
		"=1+1":        "'=1+1",
		"+1":          "'+1",
		"-1":          "'-1",
		"@SUM(1)":     "'@SUM(1)",
		"＝1":          "'＝1",
		"  =1":        "  '=1",
		"a;=1":        "a;'=1",
		"a, =1":       "a, '=1",
		"a\t=1":       "a\t'=1",
		`a";=1;"`:     `a";'=1;"`,
		"Zoë; Müller": "Zoë; Müller",
	} {
		assert.Equal(t, want, notFormula(cell), "%q", cell)
	}
}

func TestAgo(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "just now", 0: "0 s ago", 59 * time.Second: "59 s ago", 3*time.Minute + 59*time.Second: "3 min ago",
		time.Hour: "1 h ago", 47 * time.Hour: "47 h ago", 72 * time.Hour: "3 days ago",
	} {
		assert.Equal(t, want, ago(d))
	}
}

func TestTable(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	rows := []row{
		{id: strings.Repeat("1", 64), username: "山田太郎", user: 42, application: capi.ClientAdministrator, written: now, requests: 7,
			browser: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"},
		{id: strings.Repeat("2", 64), username: strings.Repeat("long ", 30), user: 1000000, written: now.Add(-time.Hour), standing: ended},
		{id: strings.Repeat("3", 64), username: "שלום", user: 7, written: now},
		{id: strings.Repeat("4", 64), guest: true},
	}
	for _, width := range []int{40, 80, 120, 200} {
		var out strings.Builder
		require.NoError(t, table{ids: asTheyAre, width: width, now: now}.print(&out, rows))
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		require.Len(t, lines, 5)
		at := strings.Index(withoutMoves(lines[0]), "SESSION_ID")
		for i, line := range lines {
			line = withoutMoves(line)
			if width >= 80 {
				assert.LessOrEqual(t, runewidth.StringWidth(line), width, line)
			}
			if i > 0 {
				id := strings.Index(line, strings.Repeat(string(rune('0'+i)), 16))
				require.Positive(t, id, line)
				assert.Equal(t, at, runewidth.StringWidth(line[:id]), line)
			}
		}
	}

	var out strings.Builder
	require.NoError(t, table{ids: asTheyAre, wholeIDs: true}.print(&out, rows))
	assert.Contains(t, out.String(), strings.TrimSpace(strings.Repeat("long ", 30)), "nothing is cut for what is no terminal")
	assert.Contains(t, out.String(), strings.Repeat("2", 64))
	assert.Contains(t, out.String(), "\u2068שלום\u2069", "what is beside it stays where it is")
	assert.NotContains(t, out.String(), "\x1b")
}

func asTheyAre(s capi.Session) capi.Session { return s }

// withoutMoves removes the moves to columns.
func withoutMoves(line string) string {
	var b strings.Builder
	for i, part := range strings.Split(line, "\x1b[") {
		if i > 0 {
			_, part, _ = strings.Cut(part, "G")
		}
		b.WriteString(part)
	}
	return b.String()
}

func TestSortRows(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	rows := []row{
		{id: "guest", guest: true, written: now},
		{id: "old", username: "Bob", written: now.Add(-time.Hour)},
		{id: "new", username: "bob", written: now, application: capi.ClientAdministrator},
		{id: "ann", username: "ann", written: now.Add(-time.Minute)},
	}
	for order, want := range map[string]string{"time": "guest new ann old", "user": "ann new old guest", "application": "guest ann old new"} {
		sortRows(rows, order)
		var ids []string
		for _, r := range rows {
			ids = append(ids, r.id)
		}
		assert.Equal(t, want, strings.Join(ids, " "), order)
	}
}
