package joomla

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSecretNamesMatch(t *testing.T) {
	names := newSecretNames([]string{"Kunden-Nr", "Maß", "пароль", "", "-_-"})
	for _, name := range strings.Fields(`password password_clear password1 Passwd pwd passphrase passcode token session.token csrf.token
		joomlatoken secret client_secret secretNote passwordHash hash salt nonce csrf otpKey otep otp totp one_time_otp twofactor apikey
		api_key API-Key access_key authkey private_key activation backup_codes recoveryCodes security_code verificationCode emailcode
		credentials Authorization bearer jwt session_id sessionId download_id downloadkey dlid smtppass ftp_pass proxy_pass redis_server_auth
		order_payment_number credit_card_code cc_number cc_cvv cc_CCV oauth2pkceCode code_verifier oauth2state pass1 pass2 passkey pin PIN pin2
		user_pin userPin userPin2 pin-code encryptionkey signature passwort kunden.nr1 KUNDENNR Maß ПАРОЛЬ
		phpCAS.pgt pgt pgtIou service_cookies serviceTicket secure_ticket fb_code securimage_code_value captcha_code captcha
		contraseña contraseña CONTRASEÑA nueva_contrasena senha nova_senha novaSenha senha2 contrasenia Paßwort mot_de_passe mdp mot_de_passe2
		wachtwoord paswoord пароль Пароль новый_пароль parol hasło noweHasło haslo1 HASŁO NOWE_HASŁO şifre Şifre sifre parola heslo συνθηματικό κωδικός_πρόσβασης ΚΩΔΙΚΟΣ_ΠΡΟΣΒΑΣΗΣ کلمه_عبور lösenord lösenord jelszó matKhau
		mật_khẩu 密码 パスワード ｐａｓｓｗｏｒｄ pässwörd`) {
		assert.True(t, names.match([]byte(name)), name)
	}
	for _, name := range strings.Fields(`id name username email params groups guest requireReset resetCount lastResetTime registerDate
		sendEmail counter start last now browser lang key note authority passage compassion o t p s shipping opinion spinner mfa_checked
		mandatory_mfa_setup author passive ping kunde state outside inside
		resenha desenhar hasLocation has_logo haslogin parole ticket tickets cookies cookie_consent code postcode promo_code clave palabras_clave
		chiave target klasse klassenarbeit résumé naïve`) {
		assert.False(t, names.match([]byte(name)), name)
	}
	assert.False(t, names.match(nil))
	assert.True(t, names.match([]byte(strings.Repeat("x", 200)+"token")))
	assert.True(t, names.match([]byte("\xff\xe9token")), "another character set")
	assert.True(t, newSecretNames([]string{"\xe9"}).match([]byte("a\xe9")), "another character set")
}

// All names that a caller adds count, however many they are.
func TestSecretNamesOfCallers(t *testing.T) {
	var more []string
	for a := 'a'; a <= 'z'; a++ {
		more = append(more, string(a)+"0")
		for b := 'a'; b <= 'z'; b++ {
			more = append(more, string([]rune{a, b, 'q'}))
		}
	}
	names := newSecretNames(append(more, "z"))
	for _, name := range more {
		assert.True(t, names.match([]byte("0"+name)), name)
	}
	assert.False(t, newSecretNames(more[:1]).match([]byte("b0")))
}

// A megabyte of beginnings of words is split in a single pass: a pass for each
// word would take minutes.
func TestSecretNamesOfAnyLength(t *testing.T) {
	assert.False(t, newSecretNames(nil).match([]byte(strings.Repeat("pinx", 1<<18))))
}
