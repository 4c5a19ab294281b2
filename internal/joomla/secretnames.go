package joomla

import "bytes"

// secretName reports whether a value of this name is a secret: see [MaskSecrets] for the rule.
func secretName(name []byte) bool {
	var buffer [64]byte
	letters := buffer[:0]
	for _, c := range name {
		switch {
		case 'A' <= c && c <= 'Z':
			letters = append(letters, c|0x20)
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			letters = append(letters, c)
		}
	}
	for i := range letters {
		if startsSecret(letters[i:]) {
			return true
		}
	}
	return bytes.HasSuffix(letters, []byte("pass")) || bytes.HasSuffix(letters, []byte("auth"))
}

// startsSecret reports whether s starts with one of the words that tell a secret. The switch on the first letter keeps
// the cost of a name to a few nanoseconds.
func startsSecret(s []byte) bool {
	switch s[0] {
	case 'a':
		return starts(s, "activation") || starts(s, "apikey") || starts(s, "accesskey") || starts(s, "authkey") ||
			starts(s, "authorization")
	case 'b':
		return starts(s, "backupcode") || starts(s, "bearer")
	case 'c':
		return starts(s, "credential") || starts(s, "csrf")
	case 'd':
		return starts(s, "downloadid") || starts(s, "downloadkey") || starts(s, "dlid")
	case 'e':
		return starts(s, "emailcode")
	case 'h':
		return starts(s, "hash")
	case 'j':
		return starts(s, "jwt")
	case 'n':
		return starts(s, "nonce")
	case 'o':
		return starts(s, "otp") || starts(s, "otep")
	case 'p':
		return starts(s, "password") || starts(s, "passwd") || starts(s, "passphrase") || starts(s, "passcode") ||
			starts(s, "pwd") || starts(s, "privatekey")
	case 'r':
		return starts(s, "recoverycode")
	case 's':
		return starts(s, "secret") || starts(s, "salt") || starts(s, "sessionid") || starts(s, "securitycode")
	case 't':
		return starts(s, "token") || starts(s, "twofactor")
	case 'v':
		return starts(s, "verificationcode")
	default:
		return false
	}
}

func starts(s []byte, word string) bool {
	return len(s) >= len(word) && string(s[:len(word)]) == word
}
