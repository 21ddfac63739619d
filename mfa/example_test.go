package mfa_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/ory/fosite"
	"github.com/pquerna/otp/hotp"

	"vestibule/mfa"
	"vestibule/mfa/mfatest"
	"vestibule/mfa/totp"
	"vestibule/provider/assurance"
)

// From the QR code to the first sign-in.
func Example() {
	ctx := context.Background()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	keys, err := mfa.ParseKeyring([]string{mfa.NewKey()}) // a real one comes from the settings
	if err != nil {
		fmt.Println(err)
		return
	}
	store := mfatest.New()
	codes := &mfa.Service{
		Store: store, Attempts: store, Setups: store, Atomic: store.Atomic,
		Keys: keys, Kinds: []mfa.Kind{totp.Kind{Issuer: "Example"}}, Now: func() time.Time { return now },
	}

	setup, err := codes.Begin(ctx, "ana", "her session", totp.Name)
	if err != nil {
		fmt.Println(err)
		return
	}
	offer := setup.Offer.(totp.Offer)
	fmt.Println(offer.URI("ana@example.com")[:40] + "...") // the QR code
	app := func() string { code, _ := hotp.GenerateCode(offer.Secret, uint64(now.Unix()/30)); return code }
	fmt.Println("confirm:", codes.Confirm(ctx, "ana", "her session", totp.Form(app()), "Phone"))
	setup, _ = codes.Pending(ctx, "her session", "ana")
	fmt.Println("recovery codes to save:", len(setup.Codes))
	fmt.Println("activate:", codes.Activate(ctx, "ana", "her session", nil))

	now = now.Add(time.Hour)
	for range 2 {
		err = codes.Verify(ctx, "ana", totp.Answer(app()), now, func(_ context.Context, p mfa.Proof) error {
			fmt.Println("proved", p.Method())
			return nil
		})
		fmt.Println("verify:", err)
	}
	// Output:
	// otpauth://totp/Example:ana%40example.com...
	// confirm: <nil>
	// recovery codes to save: 10
	// activate: <nil>
	// proved otp
	// verify: <nil>
	// verify: code was used before
}

// Pending is a host's own record of an authorization request between its pages.
type Pending struct {
	Request fosite.AuthorizeRequester
	Login   *assurance.Login // assurance.PasswordLogin, from when the password was right
}

// The step inside a host's own fosite provider: the form with the code is posted here after the
// password was right.
func ExampleService_Verify() {
	var (
		provider fosite.OAuth2Provider
		codes    *mfa.Service
		pending  func(*http.Request) (Pending, error)
		session  func(login *assurance.Login) fosite.Session // with its AMR and AuthTime
	)
	_ = func(w http.ResponseWriter, r *http.Request) {
		p, err := pending(r)
		if err != nil {
			http.Error(w, "Start again.", http.StatusBadRequest)
			return
		}
		var answer fosite.AuthorizeResponder
		since, _ := p.Login.AuthenticatedAt(assurance.MethodPassword)
		err = codes.Verify(r.Context(), p.Login.Subject, totp.Answer(r.PostFormValue("code")), since, func(ctx context.Context, proof mfa.Proof) error {
			login := p.Login.Clone() // the commit may fail yet
			if err := login.Add(proof); err != nil {
				return err
			}
			answer, err = provider.NewAuthorizeResponse(ctx, p.Request, session(login))
			return err
		})
		var locked *mfa.Locked
		var stale *mfa.Stale
		switch {
		case err == nil:
			provider.WriteAuthorizeResponse(r.Context(), w, p.Request, answer)
		case errors.As(err, &locked):
			http.Error(w, "Too many wrong codes. Try again later.", http.StatusTooManyRequests)
		case errors.As(err, &stale): // a lock has ended since: the sign-in begins at the password again
			http.Redirect(w, r, "/login", http.StatusSeeOther)
		case errors.Is(err, mfa.ErrUsed), errors.Is(err, mfa.ErrExpired), errors.Is(err, mfa.ErrCode), errors.Is(err, mfa.ErrFormat):
			http.Error(w, "That code is not right.", http.StatusUnprocessableEntity)
		default:
			http.Error(w, "Something went wrong.", http.StatusInternalServerError)
		}
	}
}
