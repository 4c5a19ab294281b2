package joomla

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A rule says where in a name a word must be to make it the name of a secret.
type rule uint8

const (
	anywhere rule = iota
	atEnd         // except for digits after it: pass2
	asWord        // not a part of a longer word: PIN, user_pin, userPin2
)

// secretWords are words in the names of secrets, in lower-case letters and
// digits. Each group has its reason; harmless names that match are the price.
var secretWords = []struct {
	rule  rule
	words string
}{
	// Passwords and their hashes: Joomla's users, forms of registration and of
	// configuration, mail and file transfer extensions. The second field of a
	// form is pass2, password2, pass_confirm, passAgain.
	{anywhere, `password passwd passphrase passcode passkey passwrd pwd pswd hash salt
		passconfirm passagain passrepeat passretype passverify passcheck`},
	{atEnd, `pass pw`},
	// Passwords in the languages that Joomla is used in most, with the letters
	// of their own and with those that programmers take instead. Words that are
	// a part of others, such as the Portuguese resenha (review), only count as
	// words. In this order: German, French, Spanish, Dutch, Portuguese,
	// Italian, Russian, Polish, Turkish, Czech, Greek, Hungarian, the Nordic
	// languages, Serbo-Croatian, Indonesian and Vietnamese; Persian and Arabic;
	// Chinese and Japanese.
	{anywhere, `passwort kennwort geheimwort motdepasse motpasse contrasena contrasenia contrasenya claveacceso
		clavedeacceso clavesecreta wachtwoord paswoord toegangscode palavrapasse palavradepasse novasenha confirmasenha confirmarsenha
		repetirsenha senhaatual senhanova codicesegreto chiavesegreta парол лозинк kodikosprosvasis κωδικοσπροσβασ sifre συνθηματικ jelszo
		losenord passord adgangskode kodeord salasana lozinka zaporka katasandi matkhau گذرواژه رمزعبور کلمهعبور كلمةالمرور كلمةالسر كلمهالمرور 密码 密碼 口令 パスワード 暗証番号`},
	{asWord, `mdp senha parola parol haslo heslo`},
	// Proofs of a request: form tokens, API tokens and signatures.
	{anywhere, `token csrf xsrf nonce hmac signature authorization bearer jwt credential`},
	{atEnd, `auth`},
	// One-time passwords and second factors: otpKey and otep of Joomla 3, the
	// keys and codes of 4 and later (the plugins of multifactorauth), passkeys.
	{anywhere, `otp otep twofactor webauthn backupcode recoverycode securitycode verificationcode
		verifycode emailcode smscode authcode accesscode logincode confirmationcode onetimecode pincode pinnumber`},
	{asWord, `pin puk tan`},
	// What a captcha wants to be told (Securimage, and forms of extensions).
	{anywhere, `captcha securimage`},
	// Links that log somebody in.
	{anywhere, `activation activatecode resetcode invitecode`},
	// Keys of backup, mail, licence and download extensions: Akeeba Backup's
	// storage and its JPS archives, AcyMailing, download ids of update sites.
	{anywhere, `secret apikey apicode accesskey authkey privatekey privkey encryptionkey encryptkey
		cryptkey cipherkey signingkey signkey sharedkey masterkey sessionkey servicekey clientkey consumerkey webhookkey
		sshkey jpskey licensekey licencekey serialkey downloadid downloadkey dlid`},
	// Other sessions.
	{anywhere, `sessionid sessid`},
	{asWord, `sid`},
	// Clients of OAuth and of single sign-on: the state, which is a token of
	// its own, and the verifier of PKCE (league/oauth2-client, Hybridauth, the
	// SDK of Facebook).
	{anywhere, `oauth pkce codeverifier hybridauth fbrlh authstate loginstate samlresponse assertion
		fbcode facebookcode googlecode linkedincode githubcode applecode exchangecode grantcode`},
	// Tickets and cookies of single sign-on: with those of phpCAS, other
	// services let somebody in.
	{anywhere, `pgtiou serviceticket proxyticket grantingticket loginticket casticket authticket ssoticket secureticket accessticket
		servicecookie authcookie logincookie ssocookie remembercookie cookiejar cookiestring`},
	{asWord, `pgt tgt`},
	// Payment: numbers and check codes of cards, accounts (VirtueMart, redSHOP,
	// HikaShop).
	{anywhere, `ccdata ccnumber ccnum ccno cccode cccvv cvv cvc ccv ccexp creditcard debitcard cardnumber
		cardnum cardno cardcode cardexp orderpaymentnumber orderpaymentcode paymentnumber accountnumber bankaccount
		iban routingnumber sortcode`},
}

// secretNames decides by the name of a value whether it is a secret.
type secretNames struct {
	// groups holds the words that begin with the same two characters. index
	// finds them by the classes of these characters; group 0 is empty.
	groups [][]secretWord
	index  [classes * classes]uint16
	// words are those that only count as words.
	words []string
}

type secretWord struct {
	text string
	rule rule
}

// classes is the number of character classes: letters, digits, and all others.
const classes = 26 + 10 + 1

func class(c byte) int {
	switch {
	case 'a' <= c && c <= 'z':
		return int(c - 'a')
	case '0' <= c && c <= '9':
		return int(c-'0') + 26
	default:
		return classes - 1
	}
}

// newSecretNames returns the names of the list and more, which match anywhere
// in a name. It ignores one without a letter or digit.
func newSecretNames(more []string) *secretNames {
	n := &secretNames{groups: make([][]secretWord, 1)}
	for _, group := range secretWords {
		for _, word := range strings.Fields(group.words) {
			n.add(secretWord{word, group.rule})
			if group.rule == asWord {
				n.words = append(n.words, word)
			}
		}
	}
	for _, name := range more {
		if letters := appendLetters(nil, []byte(name)); len(letters) > 0 {
			n.add(secretWord{string(letters), anywhere})
		}
	}
	return n
}

// add indexes a word by its first two characters. A single character is indexed
// with all that may follow, and with class 0, the end of a name.
func (n *secretNames) add(word secretWord) {
	first := class(word.text[0]) * classes
	from, to := 0, classes
	if len(word.text) > 1 {
		from = class(word.text[1])
		to = from + 1
	}
	for i := first + from; i < first+to; i++ {
		group := n.index[i]
		if group == 0 {
			n.groups = append(n.groups, nil)
			group = uint16(len(n.groups) - 1)
			n.index[i] = group
		}
		n.groups[group] = append(n.groups[group], word)
	}
}

// match reports whether a value of this name is a secret.
func (n *secretNames) match(name []byte) bool {
	var buffer [64]byte
	letters := appendLetters(buffer[:0], name)
	split := false
	for i := range letters {
		next := 0
		if i+1 < len(letters) {
			next = class(letters[i+1])
		}
		group := n.index[class(letters[i])*classes+next]
		if group == 0 {
			continue
		}
		for _, word := range n.groups[group] {
			rest := letters[i:]
			last := len(word.text) - 1
			// Most words differ there, which takes no call to find out.
			if last >= len(rest) || rest[last] != word.text[last] || string(rest[:last]) != word.text[:last] {
				continue
			}
			switch {
			case word.rule == anywhere,
				word.rule == atEnd && onlyDigits(rest[len(word.text):]):
				return true
			case word.rule == asWord && !split:
				// At most once for each name, which may have any length.
				if split = true; n.hasWord(name) {
					return true
				}
			}
		}
	}
	return false
}

// appendLetters appends to dst the letters and digits of name, in lower case
// and without accents.
func appendLetters(dst, name []byte) []byte {
	for i, c := range name {
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			dst = append(dst, c)
		case 'A' <= c && c <= 'Z':
			dst = append(dst, c|0x20)
		case c >= utf8.RuneSelf:
			return appendRunes(dst, name[i:])
		}
	}
	return dst
}

// appendRunes is appendLetters for a name that is not only ASCII.
func appendRunes(dst, name []byte) []byte {
	for len(name) > 0 {
		r, n := utf8.DecodeRune(name)
		if r == utf8.RuneError && n == 1 {
			dst = append(dst, name[0]) // Another character set.
		} else if unicode.IsLetter(r) || unicode.IsDigit(r) {
			dst = appendFolded(dst, unicode.ToLower(r))
		}
		name = name[n:]
	}
	return dst
}

func onlyDigits(s []byte) bool {
	for _, c := range s {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// hasWord reports whether name contains one of the words that only count as
// words. Words are separated by non-letters, or by a capital after a small
// letter.
func (n *secretNames) hasWord(name []byte) bool {
	start := 0
	var buffer [16]byte // Words are shorter.
	for i := 0; i <= len(name); i++ {
		letter := i < len(name) && (isLetter(name[i]) || name[i] >= utf8.RuneSelf)
		if letter && (i == start || !isUpper(name[i]) || endsUpper(name[:i])) {
			continue
		}
		if i-start <= len(buffer) {
			letters := appendLetters(buffer[:0], name[start:i])
			for _, word := range n.words {
				if string(letters) == word {
					return true
				}
			}
		}
		start = i
		if !letter {
			start = i + 1
		}
	}
	return false
}

// endsUpper reports whether name ends with a capital: also one that is not
// ASCII, as in HASŁO.
func endsUpper(name []byte) bool {
	r, _ := utf8.DecodeLastRune(name)
	return unicode.IsUpper(r)
}

func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }

func isLetter(c byte) bool { return isUpper(c) || 'a' <= c && c <= 'z' }
