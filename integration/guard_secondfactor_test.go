package integration_test

import (
	"net/http"
	"testing"

	"github.com/capi-go/capi/internal/joomlatest"
)

// TestGuardSecondFactorInDoubt is about factors without a row of #__user_mfa
// that names an enabled plugin. They matter between the password and the first
// page, which sets mfa_checked.
func TestGuardSecondFactorInDoubt(t *testing.T) {
	const enabled, disabled = "1", "0"
	tests := []struct {
		about, otpKey string
		methods       []string // of the user
		plugins       [][2]string
		status        int
	}{
		// At the first page, Joomla 4.2 turns the factor of 3.2 to 4.1 into a
		// row, and then asks for it.
		{"of 4.1", "totp:c2VjcmV0", nil, [][2]string{{"totp", enabled}}, http.StatusForbidden},
		{"of 4.1, no plugins", "totp:c2VjcmV0", nil, [][2]string{{"totp", disabled}}, http.StatusOK},
		{"of 4.1, turned into a row", "", []string{"totp"}, [][2]string{{"totp", enabled}}, http.StatusForbidden},
		// A plugin may give its method any name.
		{"of a plugin of another name", "", []string{"sms"}, [][2]string{{"smsgateway", enabled}}, http.StatusForbidden},
		{"of a plugin of another name, disabled", "", []string{"sms"}, [][2]string{{"smsgateway", disabled}}, http.StatusOK},
		{"of a disabled plugin", "", []string{"totp"}, [][2]string{{"totp", disabled}, {"email", enabled}}, http.StatusOK},
		{"of a plugin with two rows", "", []string{"totp"}, [][2]string{{"totp", disabled}, {"totp", enabled}}, http.StatusForbidden},
		{"backup codes", "", []string{"backupcodes"}, [][2]string{{"totp", enabled}}, http.StatusOK},
	}
	onEach(t, func(t *testing.T, d database) {
		s := newSite(t, d, joomlatest.Joomla42, joomlatest.Recorded("j6"))
		for _, test := range tests {
			s.Exec(t, `DELETE FROM "#__extensions" WHERE "folder" = 'multifactorauth'`)
			s.Exec(t, `DELETE FROM "#__user_mfa"`)
			for _, plugin := range test.plugins {
				s.Insert(t, "extensions", row{"type": "plugin", "folder": "multifactorauth", "element": plugin[0], "enabled": plugin[1]})
			}
			for _, method := range test.methods {
				s.Insert(t, "user_mfa", row{"user_id": "102", "method": method})
			}
			s.Exec(t, `UPDATE "#__users" SET "otpKey" = ? WHERE "username" = 'super'`, test.otpKey)
			s.requireAnswer(t, test.status, s.CookieOf(t, "super"), test.about)
		}
	})
}

// TestGuardSecondFactorOfOtherCollation is about a table with another collation
// than the rest: only it was converted, or another server created it.
func TestGuardSecondFactorOfOtherCollation(t *testing.T) {
	s := newSite(t, mariaDB(), joomlatest.Joomla42, joomlatest.Recorded("j6"))
	s.Exec(t, `ALTER TABLE "#__user_mfa" CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci`)
	s.Insert(t, "extensions", row{"type": "plugin", "folder": "multifactorauth", "element": "totp", "enabled": "1"})
	s.Insert(t, "user_mfa", row{"user_id": "102", "method": "TOTP"})
	s.requireAnswer(t, http.StatusForbidden, s.CookieOf(t, "super"), "with a factor")
	s.Exec(t, `DELETE FROM "#__user_mfa"`)
	s.requireAnswer(t, http.StatusOK, s.CookieOf(t, "super"), "without")
}
