package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"vestibule/cmd/vestibule/server"
	"vestibule/config"
	"vestibule/mfa"
	"vestibule/provider/audit"
	"vestibule/provider/store"
)

// command runs a command on the site's database and returns what it prints.
func (s *site) command(t *testing.T, input string, args ...string) string {
	t.Helper()
	var out, fault bytes.Buffer
	w := &env{
		environ: []string{"VESTIBULE_DATABASE=" + s.config.Database, "VESTIBULE_SECRET_KEYS=" + strings.Join(s.config.SecretKeys, ",")},
		stdin:   strings.NewReader(input), stdout: &out, stderr: &fault,
	}
	if err := run(t.Context(), args, w); err != nil {
		t.Fatalf("vestibule %s: %v\n%s", strings.Join(args, " "), err, &fault)
	}
	return out.String()
}

// Somebody who comes from another product signs in with the codes that the app goes on showing.
func TestImportedSecret(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		ana := s.addUser("ana")
		const key = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZA"
		s.keepSecret(key)
		code := func() string {
			code, err := totp.GenerateCodeCustom(key, s.clock.now(), totp.ValidateOpts{Period: 60, Digits: otp.DigitsEight, Algorithm: otp.AlgorithmSHA256})
			if err != nil {
				t.Fatal(err)
			}
			return code
		}
		s.command(t, "otpauth://totp/Old:ana?algorithm=SHA256&digits=8&period=60&secret="+key, "user", "totp", "add", "ana", "--secret-file", "-", "--name", "Old app")

		b := s.newBrowser(t)
		p := b.open("/account/security").giveName("ana", password).at("totp", "initial").says("Enter the 8-digit code from your authenticator app")
		p = p.giveCode("123456").at("totp", "format").says("The code is 8 digits, like 1234 5678")
		p.giveCode(code()).at("security", "on").says("Old app").says("You have none.")

		p = b.open("/account/security").click("Rename").at("rename", "initial")
		p = p.press("Rename", "name", "").at("rename", "required").says("Enter a name")
		p.press("Rename", "name", "My phone").at("security", "on").says("Old app is now called My phone.")
		b.open("/account/security").click("Remove").at("remove", "initial").says("The 8 digits from any authenticator")

		s.clock.advance(time.Minute)
		second := b.open("/account/authenticators/new")
		if second.name == "totp" {
			second = second.giveCode(code())
		}
		a := second.at("setup", "initial").phone()
		second.press("Continue", "code", a.code(0), "name", "MY PHONE").at("setup", "taken").
			press("Continue", "code", a.code(0), "name", "Tablet").at("codes", "initial").
			press("Add this authenticator", "saved", "on").at("security", "on").says("Tablet was added.")
		s.clock.advance(time.Minute)
		p = s.newBrowser(t).open("/account/security").giveName("ana", password).at("totp", "initial").says("Enter the code from your authenticator app")
		p = p.giveCode("1234567").at("totp", "format").says("The code is 6 or 8 digits")
		p.giveCode(a.code(0)).at("security", "on")
		for _, want := range []string{audit.EventAdminTOTPAdded, audit.EventFactorRenamed, audit.EventFactorAdded} {
			if len(s.events(t, ana.Subject, want)) == 0 {
				t.Errorf("there is no event %s", want)
			}
		}
	})
}

// Pages that only some operators have, and that of a new name, keep to the rules of the others.
func TestAuthenticatorPages(t *testing.T) {
	t.Parallel()
	s := newSite(t, sqliteDatabase(t), allowKinds)
	s.addUser("ana")
	g := newGallery(t, s.newTab(t))
	g.signInAs("/account/authenticators/new", "ana").at("setup", "initial")
	evaluate[int](g.tab, `document.querySelectorAll("details").forEach(d => d.open = true), 0`)
	g.show("setup-choices")
	g.press("Make a new key").at("setup", "new")
	uri := g.scan()
	g.put("code", g.oathCode(uri, 0)).press("Continue").at("codes", "initial").toggle("#saved").press("Turn on two-step verification").at("security", "on")
	g.press("Rename Authenticator app").at("rename", "initial")
	g.show("rename")
	g.put("name", "").press("Rename").at("rename", "required").focused()
	g.show("rename-required")
	g.put("name", "Old phone").press("Rename").at("security", "on")
	g.show("security-renamed")
}

func allowKinds(c *config.Config) {
	c.TOTPAlgorithms, c.TOTPDigits, c.TOTPPeriods = []string{"SHA1", "SHA512"}, []int{6, 8}, []int{30, 60}
	c.TOTPAuthenticators = 1
}

// Other settings than the usual are chosen on the page, where the operator allows them.
func TestChooseSettings(t *testing.T) {
	eachDatabase(t, func(t *testing.T, database string) {
		s := newSite(t, database, allowKinds)
		s.addUser("ana")
		b := s.newBrowser(t)
		p := b.open("/account/authenticators/new").giveName("ana", password).at("setup", "initial").says("My app needs other settings")
		first := p.phone()
		p = p.press("Make a new key", "algorithm", "SHA512", "digits", "8", "period", "60").at("setup", "new").says("8 digits, 60 seconds, SHA-512")
		a := p.phone()
		if a == first {
			t.Error("the key is still the old one")
		}
		code := func(steps time.Duration) string {
			code, err := totp.GenerateCodeCustom(a.secret, s.clock.now().Add(steps*time.Minute), totp.ValidateOpts{Period: 60, Digits: otp.DigitsEight, Algorithm: otp.AlgorithmSHA512})
			if err != nil {
				t.Fatal(err)
			}
			return code
		}
		p = p.press("Continue", "code", code(60)).at("setup", "fast").says("clock is about 60 minutes fast")
		p.press("Continue", "code", code(0)).at("codes", "initial").press("Turn on two-step verification", "saved", "on").at("security", "on")
		s.clock.advance(time.Minute)
		b.open("/account/authenticators/new").at("setup", "maximum").says("You can have 1 authenticator. Remove it first.")
		s.newBrowser(t).open("/account/security").giveName("ana", password).at("totp", "initial").giveCode(code(0)).at("security", "on")
	})
}

// What leaves in an export comes back in an import, and no code that was used in between works again.
func TestExportAndImport(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.addUser("ana")
		a, _ := s.newBrowser(t).enrol("ana")
		folder := t.TempDir()
		secretFile(t, folder+"/pass", "purple monkey dishwasher")
		secretFile(t, folder+"/backup", s.command(t, "", "user", "totp", "export", "--all", "--passphrase-file", folder+"/pass"))
		s.signIn(t, a)
		spent := a.code(0)
		s.command(t, "", "user", "totp", "reset", "ana", "--reason", "the disk was lost")
		s.command(t, "", "user", "totp", "import", folder+"/backup", "--passphrase-file", folder+"/pass", "--after-reset")
		p := s.newBrowser(t).open("/account/security").giveName("ana", password).at("totp", "initial").giveCode(spent)
		if p.name != "totp" {
			t.Errorf("a code that was used after the export opens page %s", p.name)
		}
		s.clock.advance(3 * time.Minute)
		p.giveCode(a.code(0)).at("security", "on")
	})
}

// A server that lacks a key does not start, and one that runs says that it is not ready.
func TestMissingKey(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		running := s.newServer()
		other, err := mfa.ParseKeyring([]string{mfa.NewKey()})
		if err != nil {
			t.Fatal(err)
		}
		foreign := unsealed{s.config, s.store, other}
		ana := s.addUser("ana")
		if _, err := foreign.importTOTP(t.Context(), ana, []mfa.Portable{{Name: "Phone", Secret: "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", Kind: mfa.Kind{Algorithm: "SHA1", Digits: 6, Period: 30}}}); err != nil {
			t.Fatal(err)
		}
		_, err = server.New(context.WithoutCancel(t.Context()), s.config, server.Options{Log: slog.New(slog.DiscardHandler), Now: s.clock.now})
		if err == nil || !strings.Contains(err.Error(), other.Newest()+" (table authenticator)") {
			t.Errorf("New: %v, want a word about key %s", err, other.Newest())
		}
		answer := httptest.NewRecorder()
		running.AdminHandler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/readyz", nil))
		var body struct{ Checks map[string]string }
		if err := json.Unmarshal(answer.Body.Bytes(), &body); err != nil || answer.Code != http.StatusServiceUnavailable || !strings.Contains(body.Checks["secret_keys"], other.Newest()) {
			t.Errorf("readyz answers %d %s, want the missing key", answer.Code, answer.Body)
		}
	})
}

// A backup brings nothing back that an operator took away since, unless the operator says so.
func TestImportAfterRemoval(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		const one, two = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU"
		s.keepSecret(one)
		s.keepSecret(two)
		for _, name := range []string{"ana", "ben", "eve"} {
			s.addUser(name)
			s.command(t, one, "user", "totp", "add", name, "--secret-file", "-", "--name", "Phone")
			s.command(t, two, "user", "totp", "add", name, "--secret-file", "-", "--name", "Tablet")
		}
		folder := t.TempDir()
		secretFile(t, folder+"/pass", "purple monkey dishwasher")
		secretFile(t, folder+"/backup", s.command(t, "", "user", "totp", "export", "--all", "--passphrase-file", folder+"/pass"))
		s.command(t, "", "user", "totp", "reset", "ana", "--reason", "stolen")
		s.command(t, "", "user", "totp", "remove", "ben", "--authenticator", "Phone")

		restore := func(more ...string) (string, error) {
			var out bytes.Buffer
			environ := []string{"VESTIBULE_DATABASE=" + s.config.Database, "VESTIBULE_SECRET_KEYS=" + strings.Join(s.config.SecretKeys, ",")}
			err := run(t.Context(), append([]string{"user", "totp", "import", folder + "/backup", "--passphrase-file", folder + "/pass"}, more...),
				&env{environ, strings.NewReader(""), &out, t.Output()})
			return out.String(), err
		}
		text, err := restore()
		if !errors.Is(err, store.ErrConflict) || strings.Count(text, "--after-reset") != 2 || !strings.Contains(text, "all were there") {
			t.Errorf("import says %q, %v, want two users left as they are", text, err)
		}
		if list := s.command(t, "", "user", "totp", "list", "ana"); strings.Contains(list, "Phone") {
			t.Errorf("what was reset is back:\n%s", list)
		}
		if list := s.command(t, "", "user", "totp", "list", "ben"); strings.Contains(list, "Phone") {
			t.Errorf("what was removed is back:\n%s", list)
		}
		if text := s.command(t, "", "user", "get", "ana"); !strings.Contains(text, "only with a link") {
			t.Errorf("ana is not held any more:\n%s", text)
		}
		if text, err := restore("--after-reset"); err != nil || strings.Count(text, "restored") != 2 {
			t.Errorf("import --after-reset says %q, %v, want two users restored", text, err)
		}
	})
}

// A secret that the user has already comes in no second time: each code would be good twice.
func TestSameSecretTwice(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.addUser("ana")
		const key = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
		s.keepSecret(key)
		s.command(t, key, "user", "totp", "add", "ana", "--secret-file", "-", "--name", "Phone")
		environ := []string{"VESTIBULE_DATABASE=" + s.config.Database, "VESTIBULE_SECRET_KEYS=" + strings.Join(s.config.SecretKeys, ",")}
		err := run(t.Context(), []string{"user", "totp", "add", "ana", "--secret-file", "-", "--name", "Tablet"},
			&env{environ, strings.NewReader(key), t.Output(), t.Output()})
		if !errors.Is(err, store.ErrConflict) || !strings.Contains(err.Error(), "it is there already") {
			t.Errorf("the same secret again: %v, want %v", err, store.ErrConflict)
		}
	})
}
