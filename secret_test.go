package capi_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/DATA-DOG/go-sqlmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

func TestSecretShowsNothing(t *testing.T) {
	const hush = "hush-hush"
	secret := capi.NewSecret(hush)
	config := capi.SiteConfig{DBType: "mysqli", DBPrefix: "jos_", Password: secret, Secret: secret, SessionRedisAuth: secret}
	db, _, err := sqlmock.New()
	require.NoError(t, err)
	defer db.Close()
	site, err := capi.NewSite(db, config)
	require.NoError(t, err)

	type exported struct{ V any }
	type unexported struct {
		secret  capi.Secret
		pointer *capi.Secret
		config  capi.SiteConfig
		site    *capi.Site
		list    []capi.Secret
		array   [1]capi.SiteConfig
		byName  map[string]capi.Secret
		byKey   map[capi.Secret]*capi.SiteConfig
		any     any
		nested  struct{ config *capi.SiteConfig }
	}
	hidden := unexported{
		secret, &secret, config, site, []capi.Secret{secret}, [1]capi.SiteConfig{config}, map[string]capi.Secret{"a": secret},
		map[capi.Secret]*capi.SiteConfig{secret: &config}, config, struct{ config *capi.SiteConfig }{&config},
	}
	holders := map[string]any{
		"secret":             secret,
		"pointer":            &secret,
		"config":             config,
		"pointer to config":  &config,
		"exported field":     exported{secret},
		"exported pointer":   exported{&config},
		"unexported":         hidden,
		"pointer to them":    &hidden,
		"field of those":     exported{hidden},
		"slice":              []capi.Secret{secret},
		"slice of configs":   []capi.SiteConfig{config},
		"slice of pointers":  []*capi.SiteConfig{&config},
		"array":              [2]capi.Secret{secret},
		"map":                map[string]capi.Secret{"a": secret},
		"map of configs":     map[string]capi.SiteConfig{"a": config},
		"key of a map":       map[capi.Secret]int{secret: 1},
		"any":                []any{secret, &config},
		"site":               site,
		"store":              capi.NewSQLStore(site),
		"session authorizer": newSessionAuthorizer(t, site),
		"API tokens":         capi.NewAPITokenAuthorizer(site),
		"cAPI tokens":        capi.NewCAPITokenAuthorizer(site),
	}
	shows := func(text string) bool {
		text = strings.ToLower(text)
		return strings.Contains(text, "hush") || strings.Contains(text, hex.EncodeToString([]byte("hush"))) ||
			strings.Contains(text, "0x68, 0x75") || strings.Contains(text, "104 117") || strings.Contains(text, "68 75")
	}
	for _, format := range []string{"%s", "%#x", "% x", "%d", "%v"} {
		require.True(t, shows(fmt.Sprintf(format, []byte(hush))), "what is looked for with %s", format)
	}
	for name, holder := range holders {
		for verb := rune('A'); verb <= 'z'; verb++ {
			for _, flags := range []string{"", "+", "#", " ", "0", "-", "# ", "20.10"} {
				format := "%" + flags + string(verb)
				assert.False(t, shows(fmt.Sprintf(format, holder)), "%s of %s", format, name)
			}
		}
		assert.False(t, shows(fmt.Sprint(holder)+fmt.Sprintln(holder)), name)
		for _, format := range []string{"%w", "%v", "%+w", "%#v", "%[2]v", "no verb"} {
			assert.False(t, shows(fmt.Errorf(format, holder).Error()), "an error with %s of %s", format, name)
		}

		var log bytes.Buffer
		options := &slog.HandlerOptions{AddSource: true}
		for _, logger := range []*slog.Logger{
			slog.New(slog.NewJSONHandler(&log, options)), slog.New(slog.NewTextHandler(&log, options)),
		} {
			logger.With("with", holder).Info("a", "b", holder, slog.Group("c", "d", holder), slog.Any("e", slog.AnyValue(holder)))
		}
		assert.False(t, shows(log.String()), "slog of %s", name)

		text, _ := json.Marshal(holder) // An error would do as well.
		assert.False(t, shows(string(text)), "JSON of %s", name)
		text, _ = xml.Marshal(holder)
		assert.False(t, shows(string(text)), "XML of %s", name)
	}
}

func TestSecret(t *testing.T) {
	secret := capi.NewSecret("hush")
	assert.Equal(t, "hush", secret.Reveal())
	assert.Equal(t, "[hidden] [hidden] [hidden]", fmt.Sprintf("%v %s %x", secret, &secret, secret))
	text, err := secret.MarshalText()
	require.NoError(t, err)
	assert.Equal(t, "[hidden]", string(text))
	list, err := json.Marshal(map[string]capi.Secret{"a": secret, "b": {}})
	require.NoError(t, err)
	assert.Equal(t, `{"a":"[hidden]","b":""}`, string(list))
	assert.Contains(t, fmt.Sprintf("%+v", capi.SiteConfig{Host: "db", Secret: secret}), "Host:db User: Password: DB:", "the rest is seen")

	assert.Equal(t, capi.Secret{}, capi.NewSecret(""))
	assert.Empty(t, capi.Secret{}.Reveal()+fmt.Sprint(capi.Secret{}), "what is not set is seen to be")
}
