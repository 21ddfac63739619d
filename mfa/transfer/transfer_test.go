package transfer_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"

	"vestibule/mfa/totp"
	"vestibule/mfa/transfer"
)

const passphrase = "correct horse battery"

var backup = transfer.Backup{
	Made: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
	Users: []transfer.User{{Subject: "s-ana", Username: "ana", Authenticators: []totp.Portable{{
		ID: "a1", Name: "Télé", Secret: "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", LastStep: 59_000_000,
		Params: totp.Params{Algorithm: "SHA1", Digits: 6, Period: 30}, Created: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
	}}}},
}

// form is what a file holds: what other programs, and files of years ago, go by.
const form = `{"version":1,"made":"2026-03-01T12:00:00Z","users":[{"subject":"s-ana","username":"ana","authenticators":[` +
	`{"id":"a1","name":"Télé","secret":"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ","algorithm":"SHA1","digits":6,"period":30,` +
	`"last_step":59000000,"created":"2026-01-01T00:00:00Z"}]}]}` + "\n"

// encrypted is a file, not armored, whose passphrase costs little to try.
func encrypted(t *testing.T, text string) string {
	t.Helper()
	recipient, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		t.Fatal(err)
	}
	recipient.SetWorkFactor(10)
	var b bytes.Buffer
	w, err := age.Encrypt(&b, recipient)
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestSeal(t *testing.T) {
	var file bytes.Buffer
	if err := backup.Seal(&file, passphrase); err != nil {
		t.Fatal(err)
	}
	if text := file.String(); strings.Contains(text, "GEZD") || strings.Contains(text, base64.StdEncoding.EncodeToString([]byte("GEZDGN"))) {
		t.Error("a secret lies in the open")
	}
	identity, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := age.Decrypt(armor.NewReader(&file), identity)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(plain); err != nil || string(got) != form {
		t.Errorf("a file holds\n%s, %v, want\n%s", got, err, form)
	}
}

func TestOpen(t *testing.T) {
	binary := encrypted(t, form)
	var armored bytes.Buffer
	w := armor.NewWriter(&armored)
	io.WriteString(w, binary)
	w.Close()
	for what, content := range map[string]string{"armored": armored.String(), "not armored": binary} {
		got, err := transfer.Open(strings.NewReader(content), passphrase)
		if err != nil || !reflect.DeepEqual(got, backup) {
			t.Errorf("%s: %+v, %v, want %+v", what, got, err, backup)
		}
		at := len(content) / 2
		for how, altered := range map[string]string{
			"cut off": content[:at], "altered": content[:at] + string(content[at]^1) + content[at+1:],
		} {
			if got, err := transfer.Open(strings.NewReader(altered), passphrase); err == nil || len(got.Users) > 0 {
				t.Errorf("%s, %s: %+v, %v, want a fault", what, how, got, err)
			}
		}
	}
}

func TestFaults(t *testing.T) {
	for _, tt := range []struct {
		name, content, passphrase string
		want                      error
	}{
		{"another passphrase", encrypted(t, form), "wrong horse battery", transfer.ErrSealed},
		{"nothing", "", passphrase, transfer.ErrSealed},
		{"in the open", form, passphrase, transfer.ErrSealed},
		{"another version", encrypted(t, `{"version":2,"users":[]}`), passphrase, transfer.ErrForm},
		{"unknown field", encrypted(t, `{"version":1,"users":[],"codes":[]}`), passphrase, transfer.ErrForm},
		{"no JSON", encrypted(t, "secrets"), passphrase, transfer.ErrForm},
	} {
		if got, err := transfer.Open(strings.NewReader(tt.content), tt.passphrase); !errors.Is(err, tt.want) || len(got.Users) > 0 {
			t.Errorf("%s: %+v, %v, want %v", tt.name, got, err, tt.want)
		}
	}
	gone := errors.New("disk is gone")
	if _, err := transfer.Open(iotest.ErrReader(gone), passphrase); !errors.Is(err, gone) {
		t.Errorf("a reader that fails: %v, want %v", err, gone)
	}
}
