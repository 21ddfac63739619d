package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"vestibule/cmd/vestibule/servertest"
)

// TestUserConsent has an operator see which apps can use a user's account, and end what one can do.
func TestUserConsent(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		ana := s.AddUser("ana")
		c, b := s.NewClient(t, "shop"), s.NewBrowser(t)
		v := c.BeginOffline()
		tokens := v.Finish(v.SignIn(b, "ana").Allow())
		list := func(whose ...string) (found []shownConsent) {
			t.Helper()
			args := append([]string{"user", "consent", "list", "--output", "json"}, whose...)
			if err := json.Unmarshal([]byte(runCommand(t, s, "", args...)), &found); err != nil {
				t.Fatal(err)
			}
			return found
		}
		for _, whose := range [][]string{{"ana"}, {"--subject", ana.Subject}} {
			found := list(whose...)
			if len(found) != 1 || found[0].Client != "shop" || !found[0].Remembered || !found[0].Offline || found[0].LastUsed.IsZero() || !slices.Contains(found[0].Scopes, "offline_access") {
				t.Errorf("the apps of %v are %+v", whose, found)
			}
		}
		if table := runCommand(t, s, "", "user", "consent", "list", "ana"); !strings.Contains(table, "shop") || !strings.Contains(table, "offline_access") {
			t.Errorf("user consent list says\n%s", table)
		}
		for _, tt := range []struct{ args, want string }{
			{"user consent list", "give NAME, or --subject in place of NAME"},
			{"user consent list ana --subject " + ana.Subject, "give NAME, or --subject in place of NAME"},
			{"user consent list --subject mistyped", "there is no user with the subject mistyped"},
			{"user consent list nobody", "there is no user nobody"},
			{"user consent revoke ana --reason hacked", "give NAME CLIENT, or --subject in place of NAME"},
			{"user consent revoke ana shop", "reason is missing"},
			{"user consent revoke ana wiki --reason hacked", "no access of wiki to the account of ana is known here"},
		} {
			if _, _, err := tryCommand(t, s, strings.Fields(tt.args)...); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: %v, want %s", tt.args, err, tt.want)
			}
		}
		if said := runCommand(t, s, "", "user", "consent", "revoke", "ana", "shop", "--reason", "hacked"); !strings.Contains(said, "shop can do nothing with the account of ana any more") {
			t.Errorf("user consent revoke says %s", said)
		}
		if _, err := c.Refresh(tokens.Token.RefreshToken); err == nil {
			t.Error("the app still refreshes")
		}
		b.Open("/account/apps").At("apps", "none")
		b.Open("/account/activity").Says("The access of The shop was removed: hacked")
		if found := list("ana"); len(found) != 0 {
			t.Errorf("left are %+v", found)
		}
	})
}
