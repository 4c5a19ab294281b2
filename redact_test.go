package capi_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

func TestMaskSecretsChangesDataAlone(t *testing.T) {
	s := capi.Session{ID: "id", ClientID: capi.ClientAdministrator, Time: time.Unix(5, 0), Data: capi.Payload(`token|s:1:"x";`), UserID: 7, Username: "u"}
	got := capi.MaskSecrets()(s)
	assert.Equal(t, capi.Payload(`token|s:1:"*";`), got.Data)
	got.Data = s.Data
	assert.Equal(t, s, got)
}

func TestMaskSecretsNames(t *testing.T) {
	mask := capi.MaskSecrets("Kunden-Nr", "", "-")
	got := mask(capi.Session{Data: capi.Payload(`kundennr1|s:1:"x";kunde|s:1:"x";token|s:1:"x";`)}).Data
	assert.Equal(t, `kundennr1|s:1:"*";kunde|s:1:"x";token|s:1:"*";`, string(got))
}

func TestOmitData(t *testing.T) {
	s := capi.Session{ID: "id", Data: capi.Payload("x"), UserID: 7}
	got := capi.OmitData()(s)
	assert.Equal(t, capi.Session{ID: "id", UserID: 7}, got)
	text, err := json.Marshal(got)
	require.NoError(t, err)
	assert.Contains(t, string(text), `"data":null`)
}

func TestPseudonymizeIDs(t *testing.T) {
	key := []byte("0123456789abcdef")
	redact, err := capi.PseudonymizeIDs(key)
	require.NoError(t, err)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("rs25pp9sf26tn56po0gnu2qdq4"))
	want := hex.EncodeToString(mac.Sum(nil))
	clear(key) // The caller may reuse it.
	s := capi.Session{ID: "rs25pp9sf26tn56po0gnu2qdq4", UserID: 7, Data: capi.Payload("a|N;")}
	for range 2 {
		assert.Equal(t, capi.Session{ID: want, UserID: 7, Data: s.Data}, redact(s))
	}
	assert.NotEqual(t, want, redact(capi.Session{ID: "rs25pp9sf26tn56po0gnu2qdq5"}).ID)
	other, err := capi.PseudonymizeIDs([]byte("0123456789abcdeg"))
	require.NoError(t, err)
	assert.NotEqual(t, want, other(s).ID)

	for n := range 16 {
		redact, err := capi.PseudonymizeIDs(make([]byte, n))
		require.EqualError(t, err, "capi: key for PseudonymizeIDs is shorter than 16 bytes")
		assert.Nil(t, redact)
	}
}
