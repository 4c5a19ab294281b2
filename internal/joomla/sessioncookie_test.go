package joomla_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/capi-go/capi/internal/joomla"
	"github.com/capi-go/capi/internal/joomlatest"
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
		"all":                    {[]string{site + "=a; " + administrator + "=b", names[2] + "=c;\t" + names[3] + "=d"}, []string{"a", "b", "c", "d"}},
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
		"megabyte of cookies":    {[]string{strings.Repeat("a=b; ", 1<<18) + site + "=x"}, []string{"x"}},
		"thousands of its name":  {[]string{strings.Repeat(site+"=a; "+administrator+"=b; ", 10_000)}, []string{"a", "b"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, joomla.SessionIDs(test.headers, names))
		})
	}
}
