package joomla

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSecretNamesMatch(t *testing.T) {
	names := newSecretNames([]string{"Kunden-Nr", "ß", "пароль", "", "-_-"})
	for _, name := range strings.Fields(`password password_clear password1 Passwd pwd passphrase passcode token session.token csrf.token
		joomlatoken secret client_secret secretNote passwordHash hash salt nonce csrf otpKey otep otp totp one_time_otp twofactor apikey
		api_key API-Key access_key authkey private_key activation backup_codes recoveryCodes security_code verificationCode emailcode
		credentials Authorization bearer jwt session_id sessionId download_id downloadkey dlid smtppass ftp_pass proxy_pass redis_server_auth
		order_payment_number credit_card_code cc_number cc_cvv cc_CCV oauth2pkceCode code_verifier oauth2state pass1 pass2 passkey pin PIN pin2
		user_pin userPin userPin2 pin-code encryptionkey signature passwort kunden.nr1 KUNDENNR Maß ПАРОЛЬ`) {
		assert.True(t, names.match([]byte(name)), name)
	}
	for _, name := range strings.Fields(`id name username email params groups guest requireReset resetCount lastResetTime registerDate
		sendEmail counter start last now browser lang key note authority passage compassion o t p s shipping opinion spinner mfa_checked
		mandatory_mfa_setup author passive ping kunde state outside inside`) {
		assert.False(t, names.match([]byte(name)), name)
	}
	assert.False(t, names.match(nil))
	assert.True(t, names.match([]byte(strings.Repeat("x", 200)+"token")))
	assert.True(t, names.match([]byte("\xff\xe9token")), "another character set")
	assert.True(t, newSecretNames([]string{"\xe9"}).match([]byte("a\xe9")), "another character set")
}
