package joomla

import "testing"

func TestDecodeBase64(t *testing.T) {
	for text, want := range map[string]string{
		"":                "",
		"QUJD":            "ABC",
		"QUI=":            "AB",
		"QUI":             "AB",
		"QUJDR":           "ABC", // A single last digit is no byte.
		"Q U\nJ*DR\xff":   "ABC",
		"=QUJD==RA":       "ABCD",
		"Q":               "",
		"ABCDEFGHIJKLMNO": "\x00\x10\x83\x10\x51\x87\x20\x92\x8b\x30\xd3",
	} {
		if got := decodeBase64([]byte(text)); string(got) != want {
			t.Errorf("decodeBase64(%q) = %q, want %q", text, got, want)
		}
	}
}
