package step

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"vestibule/provider/account"
	"vestibule/provider/assurance"
	"vestibule/provider/client"
	"vestibule/provider/store"
	"vestibule/web/signin"
)

// Host is the program that the step belongs to. Its methods are called from any number of goroutines.
//
// A sign-in writes in two commits, or in one if the user has nothing to prove here:
//
//  1. The answer of the user, as soon as it is right: the code, passkey or recovery code is spent or the new authenticator
//     counts, the session of the pages knows it, the log has it, and Keeper.Keep has written what it writes. All of that is
//     committed or none: then the same answer is right once more.
//  2. The end, when the browser asks for it: Finish or Refuse is called, and then it is committed that the sign-in is over.
//     A password that the host has asked for becomes a session of the pages here if it is all that there is. What the first
//     commit has brought stays, whatever becomes of this one.
type Host interface {
	// SignedIn returns who is signed in in the browser that sent r, and when the password was right; the zero value:
	// nobody. It is asked in each request: a user who has signed out, or is another, goes on with nothing here.
	SignedIn(r *http.Request) (Password, error)
	// Account returns the account, or an error that is store.ErrNotFound. One that is Disabled, or in another Epoch than
	// when its sign-in began, gets no further. Its Groups are those of Config.Policy.
	Account(ctx context.Context, subject string) (account.Account, error)
	// Finish gets what a sign-in has come to, and returns the address at which the browser goes on: an absolute one, or one
	// that begins with a slash. Nobody has asked the user for consent: a host that needs it leads to its own page for that.
	//
	// What Finish writes with ctx to a store that shares its transactions with Config.Store is in the second commit. What
	// it does elsewhere stays done though the commit may fail after it, such as when the user has signed out meanwhile.
	// After an error, and when the commit fails, the browser sees a page that says so, and Finish is called again when it
	// tries again; no answer is owed a second time. Requests at once that end the same sign-in may each call it, with the same
	// login; and a user who goes back may sign in for the same Request again, perhaps as somebody else. So whoever gives
	// something for a Request gives it for the first login that it hears.
	Finish(ctx context.Context, r Result) (next string, err error)
	// Refuse is told that nobody has signed in, with an error code of OpenID Connect Core section 3.1.2.6 or RFC 6749
	// section 4.1.2.1, and returns where the browser goes on. Its commit and its errors are those of Finish.
	Refuse(ctx context.Context, request, code string) (next string, err error)
}

// Keeper is a Host whose own store shares its transactions with Config.Store.
type Keeper interface {
	// Keep is called before Finish, in the first commit, with an answer that was the last to be owed. What it writes with
	// ctx is part of that commit, and after an error the answer is not spent. What it does elsewhere must count for nothing:
	// the commit may fail after it, as of a code that was used in two places at once one is refused. It is not called where
	// there was nothing to answer, and is called again for a Request whose user proves more before the end, such as by
	// setting up an authenticator over a recovery code.
	Keep(ctx context.Context, r Result) error
}

// Password is one that was right in the host's own log-in: whose, and when as exactly as the clock says. A clock that is
// ahead of Config.Now by up to a minute does no harm; by more it is an error.
type Password = signin.Password

// Result is what a sign-in has come to. All of it is of proofs that are fresh enough for the demand.
type Result struct {
	Request  string           // of SignIn
	Login    *assurance.Login // who, and what was proved when
	AMR      []string         // amr of RFC 8176: pwd, and otp or the like, and mfa
	ACR      string           // of Config.Levels, by the names of the demand if it has some
	AuthTime time.Time        // when the oldest proof was given that AMR rests on
}

// hostAccounts are the host's, whose passwords nobody can give here.
type hostAccounts struct{ Host }

// Authenticate knows no password.
func (hostAccounts) Authenticate(context.Context, string, string, account.Count) (account.Account, error) {
	return account.Account{}, account.ErrPassword
}

// NoteSignIn leaves to the host what it notes of its own log-in.
func (a hostAccounts) NoteSignIn(ctx context.Context, subject string, epoch int64, _ time.Time) error {
	return a.RequireAccount(ctx, subject, epoch)
}

// RequireAccount asks the host. Nothing keeps it from ending the account a moment later: SignedIn must then say so.
func (a hostAccounts) RequireAccount(ctx context.Context, subject string, epoch int64) error {
	found, err := a.Account(ctx, subject)
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && (found.Disabled || found.Epoch != epoch):
		return account.ErrPassword
	}
	return err
}

// login is the host as the pages see it.
type login struct {
	Host
	in, out string
}

// LogIn implements signin.Host.
func (l login) LogIn(back string) string {
	separator := "?"
	if strings.Contains(l.in, "?") {
		separator = "&"
	}
	return l.in + separator + url.Values{ReturnTo: {back}}.Encode()
}

// LogOut implements logout.Host.
func (l login) LogOut() string { return l.out }

// apps are the host's apps, which it knows better than the pages: they need no more than a name.
type apps struct{ name string }

// ownApp stands for the host itself where SignIn names no app.
const ownApp = "host"

// Client implements signin.Clients.
func (a apps) Client(_ context.Context, id string) (client.Client, error) {
	if id == ownApp {
		return client.Client{ID: id, Name: a.name}, nil
	}
	return client.Client{ID: id, Name: id}, nil
}
