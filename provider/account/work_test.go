package account_test

import (
	"context"
	"fmt"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"vestibule/provider/account"
	"vestibule/provider/providertest"
)

// asked counts how often the store is asked for a name.
type asked struct {
	*providertest.Memory
	names int
}

func (a *asked) AccountByName(ctx context.Context, name string) (account.Account, string, error) {
	a.names++
	return a.Memory.AccountByName(ctx, name)
}

// A wrong password takes the same work, whoever has the name, whatever hash is stored, and also after the cost was raised.
func TestWrongPasswordTakesTheSameWork(t *testing.T) {
	const right = "correct horse"
	rows, names := providertest.New(), []string{"none", "bcrypt"}
	add := func(name, hash string) {
		rows.AddAccount(account.Account{Subject: name, Username: name, Disabled: name == "disabled"}, hash)
	}
	add("none", "")
	for name, h := range map[string]*account.Hasher{
		"cheap": {Memory: 64, Passes: 1}, "memory": {Memory: 64, Passes: 4}, "passes": {Memory: 512, Passes: 1}, "present": {Memory: 512, Passes: 4},
		"disabled": {Memory: 64, Passes: 1}, "nearly": {Memory: 510, Passes: 4}, "other": {Memory: 1024, Passes: 1},
	} {
		add(name, hash(t, h, right))
		names = append(names, name)
	}
	cheap, err := bcrypt.GenerateFromPassword([]byte(right), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	add("bcrypt", string(cheap))
	asking := &asked{Memory: rows}
	d := &account.Directory{Store: asking, Hasher: &account.Hasher{Memory: 512, Passes: 4}}
	work := func(name, password string) uint64 {
		before := d.Hasher.Worked()
		d.Authenticate(t.Context(), name, password, func(context.Context, account.Guess) error { return nil })
		return d.Hasher.Worked() - before
	}
	tries := [][2]string{{"nobody", "x"}, {"nobody", right}, {"", "x"}, {"a b", "x"}, {"disabled", right}, {"none", "x"}}
	for _, name := range names {
		tries = append(tries, [2]string{name, "x"}, [2]string{name, ""})
	}
	for i, try := range tries {
		if got := work(try[0], try[1]); got > 2048 || got < 2048-4 { // a pass is over whole KiB
			t.Errorf("password %q of %q takes %d KiB times passes, want 2048", try[1], try[0], got)
		}
		if asking.names != i+1 {
			t.Errorf("after the name %q the store was asked %d times for a name, want %d", try[0], asking.names, i+1)
		}
	}
	if work("cheap", right); work("cheap", "x") != 2048 {
		t.Error("after a sign-in the hash is not one of the present cost")
	}
}

// BenchmarkWrongPassword prints what those take by the clock.
func BenchmarkWrongPassword(b *testing.B) {
	cheaper, err := (&account.Hasher{Memory: 4096, Passes: 1}).Hash(b.Context(), "right")
	if err != nil {
		b.Fatal(err)
	}
	present, err := new(account.Hasher).Hash(b.Context(), "right")
	if err != nil {
		b.Fatal(err)
	}
	all := map[string]string{"present": present, "cheaper": cheaper}
	for _, cost := range []int{8, 10} {
		hash, err := bcrypt.GenerateFromPassword([]byte("right"), cost)
		if err != nil {
			b.Fatal(err)
		}
		all[fmt.Sprintf("bcrypt %d", cost)] = string(hash)
	}
	for name, hash := range all {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if ok, _, err := new(account.Hasher).Check(b.Context(), hash, "wrong"); ok || err != nil {
					b.Fatal(ok, err)
				}
			}
		})
	}
}
