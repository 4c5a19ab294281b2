package joomla_test

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi/internal/joomla"
	"github.com/capi-go/capi/internal/joomlatest"
	"github.com/capi-go/capi/internal/phptest"
)

func TestCookieNames(t *testing.T) {
	for _, name := range joomlatest.Recordings() {
		recorded := joomlatest.Recorded(name)
		names := joomla.CookieNames(recorded.Config.Secret, "")
		assert.Contains(t, names, recorded.CookieNames.Site, name)
		assert.Contains(t, names, recorded.CookieNames.Administrator, name)
		own := joomla.CookieNames(recorded.Config.Secret, "site")
		assert.Equal(t, []string{recorded.CookieNames.Site}, own, "a name of the site's own is the only one")
	}
}

func TestSessionIDs(t *testing.T) {
	names := joomla.CookieNames("secret", "")
	site, administrator := names[0], names[1]
	longest := strings.Repeat("x", 192)
	tests := map[string]struct{ headers, want []string }{
		"none":                   {nil, nil},
		"empty header":           {[]string{""}, nil},
		"of others":              {[]string{"a=b; " + strings.ToUpper(site) + "=x; x" + site + "=x; " + site + "x=x; =x; ;;; " + site[1:]}, nil},
		"administrator":          {[]string{"a=b;" + administrator + "=x;c=d"}, []string{"x"}},
		"all":                    {[]string{site + "=a; " + administrator + "=b; " + names[2] + "=c;\t" + names[3] + "=d"}, []string{"a", "b", "c", "d"}},
		"at the seam of headers": {[]string{site + "=a; " + administrator + "=b", names[2] + "=c;\t" + names[3] + "=d"}, []string{"a", "d"}},
		"the same twice":         {[]string{site + "=x; " + administrator + "=x"}, []string{"x"}},
		"the first of a name":    {[]string{site + "=x; " + site + "=y", site + "=z"}, []string{"x"}},
		"the first is empty":     {[]string{site + "=; " + site + "=y"}, nil},
		"the first has no value": {[]string{site + "; " + site + "=y"}, nil},
		"the first is no id":     {[]string{site + "=a b; " + site + "=y"}, nil},
		"quoted":                 {[]string{site + `="x"`}, nil},
		"space at the end":       {[]string{site + "=x ; a=b"}, nil},
		"escaped space":          {[]string{site + "=x%20"}, nil},
		"plus":                   {[]string{site + "=x+"}, nil},
		"escaped as PHP does":    {[]string{site + "=A%2Cb-9"}, []string{"A,b-9"}},
		"as browsers might":      {[]string{site + "=A,b-9"}, []string{"A,b-9"}},
		"malformed escape":       {[]string{site + "=x%2"}, nil},
		"wildcard":               {[]string{site + "=%25"}, nil},
		"NUL":                    {[]string{site + "=a%00"}, nil},
		"not ASCII":              {[]string{site + "=é"}, nil},
		"equals sign":            {[]string{site + "=a=b"}, nil},
		"longest":                {[]string{site + "=" + longest}, []string{longest}},
		"longest, escaped":       {[]string{site + "=" + strings.Repeat("%41", 192)}, []string{strings.Repeat("A", 192)}},
		"too long":               {[]string{site + "=" + longest + "x"}, nil},
		"megabyte of cookies":    {[]string{strings.Repeat("a=b; ", 1<<18) + site + "=x"}, nil},
		"the thousandth":         {[]string{strings.Repeat("a=b; ", 499), strings.Repeat("a; ", 500) + site + "=x"}, []string{"x"}},
		"after a thousand":       {[]string{strings.Repeat("a=b; ", 500), strings.Repeat("a; ", 500) + site + "=x"}, nil},
		"behind what is none":    {[]string{strings.Repeat("; =b;  ", 1000) + site + "=x"}, []string{"x"}},
		"an array":               {[]string{site + "[]=x"}, nil},
		"an array first":         {[]string{site + "[]=y; " + site + "=x; " + administrator + "=z"}, []string{"z"}},
		"an array later":         {[]string{site + "=x", site + "[a][b]c"}, nil},
		"an array of one":        {[]string{site + "[ ]=x; " + site + "=x"}, nil},
		"no array":               {[]string{site + "[=y; " + site + "]=y; " + site + "[a=]y; " + site + "=x"}, []string{"x"}},
		"thousands of its name":  {[]string{strings.Repeat(site+"=a; "+administrator+"=b; ", 10_000)}, []string{"a", "b"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, joomla.SessionIDs(test.headers, names))
		})
	}
}

// cookiesScript answers with PHP's values of the cookies named in the query, as
// hexadecimal digits if they are strings.
const cookiesScript = `foreach (explode(",", $_GET["names"]) as $name) {
	$value = $_COOKIE[$name] ?? null;
	echo is_string($value) ? "=" . bin2hex($value) : "none", "\n";
}`

// TestSessionIDsAsPHP sends hostile headers to PHP.
func TestSessionIDsAsPHP(t *testing.T) {
	address := phptest.Serve(t, cookiesScript)
	names := joomla.CookieNames("secret", "")
	ask := func(header string) (ids []string) {
		conn, err := net.Dial("tcp", address)
		require.NoError(t, err)
		defer conn.Close()
		_, err = fmt.Fprintf(conn, "GET /?names=%s HTTP/1.0\r\nHost: x\r\nCookie: %s\r\n\r\n", strings.Join(names, ","), header)
		require.NoError(t, err)
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		lines := strings.Fields(string(body))
		require.Len(t, lines, len(names), "%.500q: %s", header, body)
		for _, line := range lines {
			if line == "none" {
				continue
			}
			value, err := hex.DecodeString(line[1:])
			require.NoError(t, err)
			if id := string(value); joomla.IsSessionID(id) && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
		return ids
	}
	pieces := []string{names[0], names[0] + "=a", names[1] + "=b", names[2] + "=%63", ";", "; ", "=", "[", "]", "[]", "[a]", "[ ", "%5B", "%00", "%3B", ".", " ", "\t",
		"+", "%2", ",", `"`, "x", "__Host-", "a=b; ", strings.Repeat("a=b;", 990), strings.Repeat("a;", 9), strings.Repeat(" ;=;", 500)}
	r, end, compared, found := phptest.Random(t), time.Now().Add(phptest.Duration(t)), 0, 0
	for ; time.Now().Before(end); compared++ {
		var header strings.Builder
		for range 1 + r.IntN(8) {
			header.WriteString(pieces[r.IntN(len(pieces))])
		}
		text := strings.Trim(phptest.Mutate(r, header.String(), pieces), " \t")
		if strings.ContainsFunc(text, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) {
			continue // net/http refuses it.
		}
		want := ask(text)
		require.Equal(t, want, joomla.SessionIDs([]string{text}, names), "%.500q", text)
		found += len(want)
	}
	t.Logf("%d headers with %d ids", compared, found)
	require.NotZero(t, found)

	// PHP drops an array that is nested too deep.
	deep := names[0] + strings.Repeat("[]", 65) + "=y; " + names[0] + "=x"
	assert.Equal(t, []string{"x"}, ask(deep))
	assert.Empty(t, joomla.SessionIDs([]string{deep}, names), "no program sends that")
}
