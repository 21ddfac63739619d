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
	"vestibule/cmd/vestibule/servertest"
	"vestibule/mfa"
	mfatotp "vestibule/mfa/totp"
	"vestibule/provider/audit"
	"vestibule/provider/store"
)

// command runs a command on the site's database and returns what it prints.
func runCommand(t *testing.T, s *servertest.Site, input string, args ...string) string {
	t.Helper()
	var out, fault bytes.Buffer
	environ := []string{"VESTIBULE_DATABASE=" + s.Config.Database, "VESTIBULE_SECRET_KEYS=" + strings.Join(s.Config.SecretKeys, ",")}
	if err := run(t.Context(), args, newEnv(environ, strings.NewReader(input), &out, &fault)); err != nil {
		t.Fatalf("vestibule %s: %v\n%s", strings.Join(args, " "), err, &fault)
	}
	return out.String()
}

// Somebody who comes from another product signs in with the codes that the app goes on showing.
func TestImportedSecret(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		ana := s.AddUser("ana")
		const key = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZA"
		s.KeepSecret(key)
		code := func() string {
			code, err := totp.GenerateCodeCustom(key, s.Clock.Now(), totp.ValidateOpts{Period: 60, Digits: otp.DigitsEight, Algorithm: otp.AlgorithmSHA256})
			if err != nil {
				t.Fatal(err)
			}
			return code
		}
		runCommand(t, s, "otpauth://totp/Old:ana?algorithm=SHA256&digits=8&period=60&secret="+key, "user", "totp", "add", "ana", "--secret-file", "-", "--name", "Old app")

		b := s.NewBrowser(t)
		p := b.Open("/account/security").GiveName("ana", servertest.Password).At("totp", "initial").Says("Enter the 8-digit code from your authenticator app")
		p = p.GiveCode("123456").At("totp", "format").Says("The code is 8 digits, like 1234 5678")
		p.GiveCode(code()).At("security", "on").Says("Old app").Says("You have none.")

		p = b.Open("/account/security").Click("Rename").At("rename", "initial")
		p = p.Press("Rename", "name", "").At("rename", "required").Says("Enter a name")
		p.Press("Rename", "name", "My phone").At("security", "on").Says("Old app is now called My phone.")
		b.Open("/account/security").Click("Remove").At("remove", "initial").Says("The 8 digits from any authenticator")

		s.Clock.Advance(time.Minute)
		second := b.Open("/account/authenticators/new")
		if second.Name == "totp" {
			second = second.GiveCode(code())
		}
		a := second.At("setup", "initial").Phone()
		second.Press("Continue", "code", a.Code(0), "name", "MY PHONE").At("setup", "taken").
			Press("Continue", "code", a.Code(0), "name", "Tablet").At("codes", "initial").
			Press("Add this authenticator", "saved", "on").At("security", "on").Says("Tablet was added.")
		s.Clock.Advance(time.Minute)
		p = s.NewBrowser(t).Open("/account/security").GiveName("ana", servertest.Password).At("totp", "initial").Says("Enter the code from your authenticator app")
		p = p.GiveCode("1234567").At("totp", "format").Says("The code is 6 or 8 digits")
		p.GiveCode(a.Code(0)).At("security", "on")
		for _, want := range []string{audit.EventAdminTOTPAdded, audit.EventFactorRenamed, audit.EventFactorAdded} {
			if len(s.Events(t, ana.Subject, want)) == 0 {
				t.Errorf("there is no event %s", want)
			}
		}
	})
}

// What leaves in an export comes back in an import, and no code that was used in between works again.
func TestExportAndImport(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		s.AddUser("ana")
		a, _ := s.NewBrowser(t).Enrol("ana")
		folder := t.TempDir()
		secretFile(t, folder+"/pass", "purple monkey dishwasher")
		secretFile(t, folder+"/backup", runCommand(t, s, "", "user", "totp", "export", "--all", "--passphrase-file", folder+"/pass"))
		signInWith(t, s, a)
		spent := a.Code(0)
		runCommand(t, s, "", "user", "totp", "reset", "ana", "--reason", "the disk was lost")
		runCommand(t, s, "", "user", "totp", "import", folder+"/backup", "--passphrase-file", folder+"/pass", "--after-reset")
		p := s.NewBrowser(t).Open("/account/security").GiveName("ana", servertest.Password).At("totp", "initial").GiveCode(spent)
		if p.Name != "totp" {
			t.Errorf("a code that was used after the export opens page %s", p.Name)
		}
		s.Clock.Advance(3 * time.Minute)
		p.GiveCode(a.Code(0)).At("security", "on")
	})
}

// A server that lacks a key does not start, and one that runs says that it is not ready.
func TestMissingKey(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		running := s.NewServer()
		other, err := mfa.ParseKeyring([]string{mfa.NewKey()})
		if err != nil {
			t.Fatal(err)
		}
		foreign := unsealed{s.Config, s.Store, other}
		ana := s.AddUser("ana")
		if _, err := foreign.operations().AddAuthenticators(t.Context(), ana, mfatotp.Portable{Name: "Phone", Secret: "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", Params: mfatotp.Params{Algorithm: "SHA1", Digits: 6, Period: 30}}); err != nil {
			t.Fatal(err)
		}
		_, err = server.New(context.WithoutCancel(t.Context()), s.Config, server.Options{Log: slog.New(slog.DiscardHandler), Now: s.Clock.Now})
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
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		const one, two = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU"
		s.KeepSecret(one)
		s.KeepSecret(two)
		for _, name := range []string{"ana", "ben", "eve"} {
			s.AddUser(name)
			runCommand(t, s, one, "user", "totp", "add", name, "--secret-file", "-", "--name", "Phone")
			runCommand(t, s, two, "user", "totp", "add", name, "--secret-file", "-", "--name", "Tablet")
		}
		folder := t.TempDir()
		secretFile(t, folder+"/pass", "purple monkey dishwasher")
		secretFile(t, folder+"/backup", runCommand(t, s, "", "user", "totp", "export", "--all", "--passphrase-file", folder+"/pass"))
		runCommand(t, s, "", "user", "totp", "reset", "ana", "--reason", "stolen")
		runCommand(t, s, "", "user", "totp", "remove", "ben", "--authenticator", "Phone")

		restore := func(more ...string) (string, error) {
			var out bytes.Buffer
			environ := []string{"VESTIBULE_DATABASE=" + s.Config.Database, "VESTIBULE_SECRET_KEYS=" + strings.Join(s.Config.SecretKeys, ",")}
			err := run(t.Context(), append([]string{"user", "totp", "import", folder + "/backup", "--passphrase-file", folder + "/pass"}, more...),
				newEnv(environ, strings.NewReader(""), &out, t.Output()))
			return out.String(), err
		}
		text, err := restore()
		if !errors.Is(err, store.ErrConflict) || strings.Count(text, "--after-reset") != 2 || !strings.Contains(text, "all were there") {
			t.Errorf("import says %q, %v, want two users left as they are", text, err)
		}
		if list := runCommand(t, s, "", "user", "totp", "list", "ana"); strings.Contains(list, "Phone") {
			t.Errorf("what was reset is back:\n%s", list)
		}
		if list := runCommand(t, s, "", "user", "totp", "list", "ben"); strings.Contains(list, "Phone") {
			t.Errorf("what was removed is back:\n%s", list)
		}
		if text := runCommand(t, s, "", "user", "get", "ana"); !strings.Contains(text, "only with a link") {
			t.Errorf("ana is not held any more:\n%s", text)
		}
		if text, err := restore("--after-reset"); err != nil || strings.Count(text, "restored") != 2 {
			t.Errorf("import --after-reset says %q, %v, want two users restored", text, err)
		}
	})
}

// A secret that the user has already comes in no second time: each code would be good twice.
func TestSameSecretTwice(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		s.AddUser("ana")
		const key = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
		s.KeepSecret(key)
		runCommand(t, s, key, "user", "totp", "add", "ana", "--secret-file", "-", "--name", "Phone")
		environ := []string{"VESTIBULE_DATABASE=" + s.Config.Database, "VESTIBULE_SECRET_KEYS=" + strings.Join(s.Config.SecretKeys, ",")}
		err := run(t.Context(), []string{"user", "totp", "add", "ana", "--secret-file", "-", "--name", "Tablet"},
			newEnv(environ, strings.NewReader(key), t.Output(), t.Output()))
		if !errors.Is(err, store.ErrConflict) || !strings.Contains(err.Error(), "it is there already") {
			t.Errorf("the same secret again: %v, want %v", err, store.ErrConflict)
		}
	})
}
