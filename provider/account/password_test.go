package account_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"vestibule/provider/account"
	"vestibule/provider/limiter"
	"vestibule/provider/providertest"
	"vestibule/provider/store"
)

// cheap is a Hasher that tests can wait for.
func cheap() *account.Hasher { return &account.Hasher{Memory: 64, Passes: 1} }

func hash(t *testing.T, h *account.Hasher, password string) string {
	t.Helper()
	s, err := h.Hash(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestHasher(t *testing.T) {
	h := cheap()
	stored := hash(t, h, "right password ")
	if !strings.HasPrefix(stored, "$argon2id$v=19$m=64,t=1,p=1$") || stored == hash(t, h, "right password ") {
		t.Errorf("hash %q must be a PHC string with its own salt", stored)
	}
	for password, want := range map[string]bool{
		"right password ": true, "right password": false, "Right password ": false, "": false, "right password \x00": false,
	} {
		ok, weak, err := h.Check(t.Context(), stored, password)
		if ok != want || weak || err != nil {
			t.Errorf("Check(%q) = %v, %v, %v, want %v", password, ok, weak, err, want)
		}
	}
	if _, weak, _ := (&account.Hasher{Memory: 128, Passes: 1}).Check(t.Context(), stored, "x"); !weak {
		t.Error("a hash below the present cost is not called weak")
	}
	for _, bad := range []string{"", "plain", "$argon2i$v=19$m=64,t=1,p=1$AAAA$AAAA", "$argon2id$v=19$m=99999999,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"$2b$31$" + strings.Repeat("a", 53), "$2b$21$" + strings.Repeat("a", 53)} {
		if ok, _, err := h.Check(t.Context(), bad, "x"); ok || err == nil {
			t.Errorf("Check with the hash %q: %v, %v, want an error", bad, ok, err)
		}
	}
}

func TestHasherTakesBcrypt(t *testing.T) {
	long := strings.Repeat("a", 72)
	stored, err := bcrypt.GenerateFromPassword([]byte(long), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	for password, want := range map[string]bool{long: true, long + "b": false, long[:71]: false} {
		ok, weak, err := cheap().Check(t.Context(), string(stored), password)
		if ok != want || !weak || err != nil {
			t.Errorf("Check of %d bytes = %v, %v, %v, want %v", len(password), ok, weak, err, want)
		}
	}
}

func TestHasherRefusesWhenTooManyWait(t *testing.T) {
	h := &account.Hasher{Limiter: limiter.Limiter{Waiting: 1}}
	inside, leave := make(chan bool), make(chan bool)
	defer close(leave)
	for range runtime.GOMAXPROCS(0) {
		go h.Do(context.Background(), func() { inside <- true; <-leave })
		<-inside
	}
	waiting, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		for errors.Is(h.Do(waiting, func() {}), account.ErrBusy) { // the loop below was in its place
		}
	}()
	over, end := context.WithCancel(t.Context())
	end()
	for { // until the one above waits, there is a place for this one, whose context is over
		err := h.Do(over, func() {})
		if errors.Is(err, account.ErrBusy) {
			return
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("with every core busy: %v, want context.Canceled or ErrBusy", err)
		}
	}
}

func TestDirectory(t *testing.T) {
	rows, weakHasher, h := providertest.New(), cheap(), &account.Hasher{Memory: 128, Passes: 1}
	old := hash(t, weakHasher, "correct horse")
	rows.AddAccount(account.Account{Subject: "u1", Username: "ana", Email: "ana@example.com"}, old)
	rows.AddAccount(account.Account{Subject: "u2", Username: "bob", Disabled: true}, old)
	rows.AddAccount(account.Account{Subject: "u3", Username: "eve"}, "")
	d := &account.Directory{Store: rows, Hasher: h}
	counted := map[string]int{}
	keys := map[string]string{}
	count := func(_ context.Context, g account.Guess) error {
		counted[g.Subject]++
		keys[g.Key] += g.Subject + " "
		return nil
	}
	for _, tt := range []struct{ name, password, subject string }{
		{"ana", "correct horse", "u1"},
		{"  ANA ", "correct horse", "u1"},
		{"ana@example.com", "correct horse", "u1"},
		{"ana", "Correct horse", ""},
		{"ana", "", ""},
		{"nobody", "correct horse", ""},
		{"bob", "correct horse", ""},
		{"eve", "", ""},
		{"", "correct horse", ""},
		{strings.Repeat("x", 300), "correct horse", ""},
	} {
		user, err := d.Authenticate(t.Context(), tt.name, tt.password, count)
		if user.Subject != tt.subject || (tt.subject == "") != errors.Is(err, account.ErrPassword) {
			t.Errorf("Authenticate(%q, %q) = %q, %v, want %q", tt.name, tt.password, user.Subject, err, tt.subject)
		}
	}
	if counted["u1"] != 5 || counted["u2"] != 1 || len(counted) != 3 {
		t.Errorf("guesses were counted for %v, want those at either name of an account for it", counted)
	}
	for key, subjects := range keys {
		if len(key) != 12 || subjects == "u1 u1 u1 u1 u1 " {
			t.Errorf("key %q counts guesses at %s; want keys that tell nothing, one for each name", key, subjects)
		}
	}
	if len(keys) != 7 {
		t.Errorf("%d names have %d keys: %v, want 7", 7, len(keys), keys)
	}
	full := errors.New("full")
	_, err := d.Authenticate(t.Context(), "ana", "correct horse", func(context.Context, account.Guess) error { return full })
	if err != full {
		t.Errorf("a guess that may not be counted: %v, want it refused", err)
	}
	_, stored, err := rows.AccountByName(t.Context(), "ana")
	if err != nil || stored == old || !strings.Contains(stored, "m=128,") {
		t.Errorf("the hash was not made again at the present cost: %q, %v", stored, err)
	}
	rows.Fail(fmt.Errorf("dial: %w", store.ErrUnavailable))
	if _, err := d.Authenticate(t.Context(), "ana", "correct horse", count); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("with the database down: %v, want ErrUnavailable", err)
	}
}

func TestCanonicalName(t *testing.T) {
	for name, want := range map[string]string{
		"ana": "ana", " Ana ": "ana", "ANA@Example.COM": "ana@example.com", "Jose\u0301": "jos\u00e9", "STRASSE": "strasse", "Stra\u00dfe": "strasse",
		"": "", "  ": "", "a b": "", "a\x00b": "", "a\u202eb": "", "\xff": "",
	} {
		got, err := account.CanonicalName(name)
		if got != want && want != "" || (err == nil) != (want != "") {
			t.Errorf("CanonicalName(%q) = %q, %v, want %q", name, got, err, want)
		}
	}
}

func TestPasswordRules(t *testing.T) {
	ana := account.Account{Username: "ana.lopez", Name: "Ana Maria Lopez", Email: "amlopez@example.com"}
	rules := account.PasswordRules{Words: []string{"Vestibule"}}
	long := account.PasswordRules{MinLength: 15}
	for _, tt := range []struct {
		rules    account.PasswordRules
		password string
		want     error
	}{
		{rules, "1234567", account.ErrPasswordShort}, {rules, "", account.ErrPasswordShort}, {rules, "\U0001f511\U0001f512\U0001f513\U0001f514", account.ErrPasswordShort},
		{rules, "8 chars!", nil}, {rules, "73459216084", nil}, {rules, strings.Repeat("pass word ", 12), nil},
		{rules, "\U0001f511\U0001f512\U0001f513\U0001f514\U0001f515\U0001f516\U0001f517\U0001f518", nil},
		{rules, strings.Repeat("ab", 513), account.ErrPasswordLong},
		{rules, "\xff\xff\xff\xff\xff\xff\xff\xff", account.ErrPasswordEncoding},
		{rules, "12345678", account.ErrPasswordCommon}, {rules, "Password", account.ErrPasswordCommon}, {rules, "TRUSTNO1", account.ErrPasswordCommon},
		{rules, "zxcvbnm1", account.ErrPasswordCommon}, {rules, "zxcvbnm1\n", nil}, {rules, "12345678\npassword", nil},
		{rules, "qqqqqqqqqqqqqqqqqqq", account.ErrPasswordRepeats}, {rules, strings.Repeat("\u00e4", 12), account.ErrPasswordRepeats},
		{rules, "ana.lopez", account.ErrPasswordPersonal}, {rules, "AMLopez@example.com", account.ErrPasswordPersonal}, {rules, "amlopez1", account.ErrPasswordPersonal},
		{rules, "analopez2026", account.ErrPasswordPersonal}, {rules, "LopezMaria!", account.ErrPasswordPersonal}, {rules, "vestibule2026", account.ErrPasswordPersonal},
		{rules, "maria likes tea", nil}, {rules, "banana bread", nil}, {account.PasswordRules{}, "vestibule2026", nil},
		{rules, "Ana Maria Lopez", account.ErrPasswordPersonal}, {rules, "lopez, ana maria", account.ErrPasswordPersonal}, {rules, "a.n.a. - lopez", account.ErrPasswordPersonal},
		{rules, "\uff21na Lopez 26", account.ErrPasswordPersonal}, {account.PasswordRules{Words: []string{"Acme Portal"}}, "acmeportal1", account.ErrPasswordPersonal},
		{account.PasswordRules{Words: []string{"Acme Portal"}}, "portal 2026", account.ErrPasswordPersonal}, {rules, "Lopez #&%!?", nil}, {rules, "lopez1234567", account.ErrPasswordPersonal}, {rules, "lopez 3 tea 7", nil}, {rules, "lopez 73190284", nil},
		{long, "fourteen chars", account.ErrPasswordShort}, {long, "fifteen chars, ok", nil},
	} {
		if err := tt.rules.Check(ana, tt.password); !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
			t.Errorf("Check(%q) = %v, want %v", tt.password, err, tt.want)
		}
	}
	for _, tt := range []struct {
		user     account.Account
		password string
	}{
		{account.Account{Username: "tartaruga.verde"}, "tartaruga.verde"}, {account.Account{Username: "tartaruga.verde"}, "verde2tartaruga"},
		{account.Account{Name: "Rita Mota"}, "mota_rita-123"}, {account.Account{Name: "Rita Mota"}, "rita@mota'26"},
		{account.Account{Email: "rita.mota@moinho.example"}, "rita.mota@moinho.example"}, {account.Account{Email: "rita.mota@moinho.example"}, "mota1rita"},
		{account.Account{Email: "rita.mota@moinho.example"}, "moinho.example1"}, {account.Account{Email: "x@moinho-velho.example"}, "velho3moinho"},
		{account.Account{Name: "Rita Ritamar"}, "ritamar1234"}, // the longest goes first
	} {
		if err := (account.PasswordRules{}).Check(tt.user, tt.password); !errors.Is(err, account.ErrPasswordPersonal) {
			t.Errorf("of %+v, Check(%q) = %v, want %v", tt.user, tt.password, err, account.ErrPasswordPersonal)
		}
		if err := (account.PasswordRules{}).Check(account.Account{}, tt.password); err != nil {
			t.Errorf("of somebody else, Check(%q) = %v", tt.password, err)
		}
	}
	for _, tt := range []struct {
		password string
		want     error
	}{{strings.Repeat("ab", 512), nil}, {strings.Repeat("ab", 512) + "a", account.ErrPasswordLong}, {strings.Repeat("\u00e4b", 342), account.ErrPasswordLong}, {"2345678\n1", nil}, {"sunshine", account.ErrPasswordCommon}, {"unshine1", nil}} {
		if err := rules.Check(ana, tt.password); !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
			t.Errorf("Check(%q) = %v, want %v", tt.password, err, tt.want)
		}
	}
	if err := long.Check(ana, "short"); !strings.Contains(err.Error(), "15 characters") {
		t.Errorf("the error is %v, and does not say how long the password must be", err)
	}
	if err := rules.Check(account.Account{}, "ana.lopez 1"); err != nil {
		t.Errorf("of somebody else the password is refused: %v", err)
	}
}

// TestCommonPasswords: whatever people choose most is refused, in capitals too: a hundred of them, from first to last.
func TestCommonPasswords(t *testing.T) {
	text, err := os.ReadFile("common-passwords.txt")
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if len(all) < 3000 || !slices.IsSorted(all) {
		t.Fatalf("there are %d, sorted: %v", len(all), slices.IsSorted(all))
	}
	for i := range 101 {
		one := all[i*(len(all)-1)/100]
		for _, password := range []string{one, strings.ToUpper(one)} {
			if err := (account.PasswordRules{}).Check(account.Account{}, password); !errors.Is(err, account.ErrPasswordCommon) {
				t.Errorf("%q: %v", password, err)
			}
		}
	}
}
