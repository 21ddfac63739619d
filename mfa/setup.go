package mfa

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

const nameSize = 64

// PendingView is what the set-up pages show.
type PendingView struct {
	Secret    string   // in base32; empty if only recovery codes are replaced
	Codes     []string // as they are shown; empty until a code is confirmed, or if the old set stays
	Issuer    string
	Name      string // the name given, or one to suggest
	First     bool   // it would turn two-step verification on
	CodesOnly bool   // a new set of recovery codes, no authenticator
	Confirmed bool
	Created   time.Time
	Expires   time.Time
	Kind      Kind
	Kinds     Kinds // that the user may choose from
	secret    []byte
}

// URI is what the QR code says; account is what the authenticator app calls the user.
func (v PendingView) URI(account string) string { return uri(v.Issuer, account, v.secret, v.Kind) }

// content is the sealed part of a Setup. The codes are there from the start and shown once a
// code is confirmed: two tabs that confirm at once show the same ones.
type content struct {
	Secret []byte    `json:"secret,omitempty"`
	Kind   Kind      `json:"kind,omitzero"`
	Codes  []string  `json:"codes,omitempty"`
	First  bool      `json:"first,omitempty"`
	Proved time.Time `json:"proved,omitzero"` // when the right code was given
}

// Begin starts to set up an authenticator, or goes on where the owner, a session or a sign-in,
// left off: a refresh or a second tab gets the same key. ErrTooMany if the subject has no room.
func (s *Service) Begin(ctx context.Context, subject, owner string) (PendingView, error) {
	f, err := s.room(ctx, subject)
	if err != nil {
		return PendingView{}, err
	}
	setup, c := newSetup(f, subject, owner, s.Kinds.orDefault().first())
	return s.resume(ctx, f, setup, c)
}

// Choose is Begin for an authenticator of another kind. It puts a new key in the place of the one that the owner has
// under way, unless a code of that was given already. ErrKind if the kind is not allowed.
func (s *Service) Choose(ctx context.Context, subject, owner string, kind Kind) (PendingView, error) {
	if !s.Kinds.orDefault().allow(kind) {
		return PendingView{}, ErrKind
	}
	old, oldContent, err := s.pending(ctx, owner, subject)
	switch {
	case err == nil && (old.Confirmed || oldContent.Kind == kind):
		return s.view(old, oldContent), nil
	case err != nil && !errors.Is(err, ErrNoSetup) && !errors.Is(err, ErrSetupExpired):
		return PendingView{}, err
	}
	f, err := s.room(ctx, subject)
	if err != nil {
		return PendingView{}, err
	}
	setup, c := newSetup(f, subject, owner, kind)
	return s.start(ctx, f, setup, c)
}

// room returns the factors of a subject who may have one more.
func (s *Service) room(ctx context.Context, subject string) (Factors, error) {
	f, err := s.Store.Factors(ctx, subject)
	if err != nil {
		return Factors{}, fmt.Errorf("read factors: %w", err)
	}
	if len(f.Authenticators) >= s.Limits.orDefault().Authenticators {
		return Factors{}, ErrTooMany
	}
	return f, nil
}

// newSetup makes a key.
func newSetup(f Factors, subject, owner string, kind Kind) (Setup, content) {
	c := content{Secret: make([]byte, algorithms[kind.Algorithm].keySize), Kind: kind, First: len(f.Authenticators) == 0}
	rand.Read(c.Secret)
	if f.Recovery == nil {
		c.Codes = newCodes()
	}
	return Setup{Owner: owner, Subject: subject, ID: rand.Text(), Name: suggest(f)}, c
}

// BeginCodes starts to replace the recovery codes, or goes on with it. There is no code to
// confirm: Activate is next. ErrNotEnrolled if the subject has no authenticator.
func (s *Service) BeginCodes(ctx context.Context, subject, owner string) (PendingView, error) {
	f, err := s.Store.Factors(ctx, subject)
	if err != nil {
		return PendingView{}, fmt.Errorf("read factors: %w", err)
	}
	if len(f.Authenticators) == 0 {
		return PendingView{}, ErrNotEnrolled
	}
	return s.resume(ctx, f, Setup{Owner: owner, Subject: subject, Confirmed: true}, content{Codes: newCodes()})
}

// resume returns the set-up that the owner has under way if it is of the same kind and can still
// end well; else it saves the new one.
func (s *Service) resume(ctx context.Context, f Factors, fresh Setup, c content) (PendingView, error) {
	old, oldContent, err := s.pending(ctx, fresh.Owner, fresh.Subject)
	if err == nil && old.Basis == f.Generation && (old.ID == "") == (fresh.ID == "") {
		return s.view(old, oldContent), nil
	}
	if err != nil && !errors.Is(err, ErrNoSetup) && !errors.Is(err, ErrSetupExpired) {
		return PendingView{}, err
	}
	return s.start(ctx, f, fresh, c)
}

// start saves a new set-up in the place of any that the owner has under way.
func (s *Service) start(ctx context.Context, f Factors, fresh Setup, c content) (PendingView, error) {
	fresh.Basis = f.Generation
	fresh.Created = s.now()
	fresh.Expires = fresh.Created.Add(s.Limits.orDefault().Setup)
	if err := s.saveSetup(ctx, s.Setups.SaveSetup, fresh, c); err != nil {
		return PendingView{}, err
	}
	return s.view(fresh, c), nil
}

// Pending returns the set-up under way, or ErrNoSetup, or ErrSetupExpired.
func (s *Service) Pending(ctx context.Context, owner, subject string) (PendingView, error) {
	setup, c, err := s.pending(ctx, owner, subject)
	if err != nil {
		return PendingView{}, err
	}
	return s.view(setup, c), nil
}

// Confirm checks the first code of the new authenticator and names it; an empty name stands for
// the suggested one. A wrong code is counted like any other, and the key stays as it is. A
// set-up that is confirmed already stays as it is too.
//
// Outcomes: *Wrong, *ClockOff, *Locked, ErrFormat, ErrLooksLikeRecovery, ErrNameTaken,
// ErrNameLong, ErrTooMany, ErrNoSetup, ErrSetupExpired, ErrChanged.
func (s *Service) Confirm(ctx context.Context, subject, owner, code, name string) error {
	setup, c, err := s.pending(ctx, owner, subject)
	if err != nil || setup.Confirmed {
		return err
	}
	if setup.Name, err = s.name(ctx, setup, name); err != nil {
		return err
	}
	now := s.now()
	var tally AttemptCount
	if setup.Step, tally, err = s.first(ctx, subject, device{id: setup.ID, secret: c.Secret, kind: c.Kind, last: -1}, code, now); err != nil {
		return err
	}
	setup.Confirmed, c.Proved = true, now
	err = s.atomic(ctx, func(ctx context.Context) error {
		if err := s.saveSetup(ctx, s.Setups.ConfirmSetup, setup, c); err != nil {
			return err
		}
		return s.Attempts.RefundAttempt(ctx, totpKey(subject), tally.ID) // whoever sets up has the secret: nobody has guessed
	})
	s.unfinished(ctx, totpKey(subject), tally, err, nil)
	return err
}

// first checks the first code of a device and returns its step.
func (s *Service) first(ctx context.Context, subject string, d device, code string, now time.Time) (int64, AttemptCount, error) {
	limit := s.Limits.orDefault().TOTP
	typed, err := parseCode(code, []int{d.kind.Digits})
	if errors.Is(err, ErrLooksLikeRecovery) { // there is no recovery code that could stand for this one
		err = errors.Join(err, &Format{Digits: []int{d.kind.Digits}})
	}
	if err != nil {
		return 0, AttemptCount{}, err
	}
	tally, err := s.guess(ctx, totpKey(subject), limit, now) // of any sign-in: whoever gives this code was shown its secret
	if err != nil {
		return 0, AttemptCount{}, err
	}
	far := int(helpTime/time.Second) / d.kind.Period
	found, err := search([]device{d}, typed, now, far, far)
	if err != nil {
		s.unfinished(ctx, totpKey(subject), tally, err, nil)
		return 0, AttemptCount{}, err
	}
	switch found.verdict {
	case right:
		return found.step, tally, nil
	case expired, clockOff:
		return 0, tally, failed(&ClockOff{Seconds: found.offset * d.kind.Period}, tally)
	}
	return 0, tally, miss(tally, limit, now)
}

// Activate makes the confirmed set-up live and runs then in the same commit: the user has seen
// the recovery codes and says that they are saved. The proof is that of the code given to
// Confirm, for which wrong one-time codes are forgotten, or proves nothing if only recovery codes were replaced. What
// Verify says about then holds here.
//
// Outcomes: ErrNoSetup, ErrSetupExpired, ErrNotConfirmed, ErrChanged, ErrBusy.
func (s *Service) Activate(ctx context.Context, subject, owner string, then func(context.Context, Proof) error) error {
	setup, c, err := s.pending(ctx, owner, subject)
	if err != nil {
		return err
	}
	if !setup.Confirmed {
		return ErrNotConfirmed
	}
	a, p, err := s.authenticator(setup, c)
	if err != nil {
		return err
	}
	var set *RecoverySet
	if len(c.Codes) > 0 {
		if set, err = s.recovery(ctx, subject, c.Codes, s.now()); err != nil {
			return err
		}
	}
	return s.atomic(ctx, func(ctx context.Context) error {
		if err := s.Store.Activate(ctx, subject, owner, setup.Basis, a, set); err != nil {
			return err
		}
		if then != nil {
			if err := then(ctx, p); err != nil {
				return err
			}
		}
		if p.method == "" {
			return nil
		}
		return s.Attempts.ResetAttempts(ctx, totpKey(subject), s.now())
	})
}

// authenticator returns what the set-up makes, sealed for good, and its proof.
func (s *Service) authenticator(setup Setup, c content) (*Authenticator, Proof, error) {
	if setup.ID == "" {
		return nil, Proof{}, nil
	}
	keyID, sealed, err := s.Keys.Seal(c.Secret, secretAAD(setup.Subject, setup.ID))
	if err != nil {
		return nil, Proof{}, fmt.Errorf("seal secret: %w", err)
	}
	return &Authenticator{
		ID: setup.ID, Subject: setup.Subject, Name: setup.Name, KeyID: keyID, Secret: sealed,
		Algorithm: c.Kind.Algorithm, Digits: c.Kind.Digits, Period: c.Kind.Period, LastStep: setup.Step, Created: s.now(),
	}, Proof{setup.Subject, MethodTOTP, c.Proved, 0}, nil
}

// Cancel forgets the owner's set-up. Nothing else changes.
func (s *Service) Cancel(ctx context.Context, owner string) error {
	return s.Setups.DeleteSetup(ctx, owner)
}

// pending returns the owner's set-up, opened. One that was begun for another subject is none.
func (s *Service) pending(ctx context.Context, owner, subject string) (Setup, content, error) {
	setup, err := s.Setups.Setup(ctx, owner)
	switch {
	case err != nil:
		return Setup{}, content{}, err
	case setup.Subject != subject:
		return Setup{}, content{}, ErrNoSetup
	case !s.now().Before(setup.Expires):
		return Setup{}, content{}, ErrSetupExpired
	}
	plain, err := s.Keys.Open(setup.KeyID, setup.Sealed, setupAAD(subject, owner))
	if err != nil {
		return Setup{}, content{}, fmt.Errorf("set-up of %s: %w", subject, err)
	}
	var c content
	if err := json.Unmarshal(plain, &c); err != nil {
		return Setup{}, content{}, fmt.Errorf("set-up of %s: %w", subject, err)
	}
	return setup, c, nil
}

func (s *Service) saveSetup(ctx context.Context, save func(context.Context, Setup) error, setup Setup, c content) error {
	plain, err := json.Marshal(c)
	if err != nil {
		return err
	}
	setup.KeyID, setup.Sealed, err = s.Keys.Seal(plain, setupAAD(setup.Subject, setup.Owner))
	if err != nil {
		return fmt.Errorf("seal set-up: %w", err)
	}
	return save(ctx, setup)
}

func (s *Service) view(setup Setup, c content) PendingView {
	v := PendingView{
		Issuer: s.Issuer, Name: setup.Name, First: c.First, CodesOnly: setup.ID == "",
		Confirmed: setup.Confirmed, Created: setup.Created, Expires: setup.Expires, secret: c.Secret,
		Kind: c.Kind, Kinds: s.Kinds.orDefault(),
	}
	if len(c.Secret) > 0 {
		v.Secret = base32NoPad.EncodeToString(c.Secret)
	}
	if setup.Confirmed {
		for _, code := range c.Codes {
			v.Codes = append(v.Codes, groups(code))
		}
	}
	return v
}

// name checks the name that the user gave the new authenticator against those of the others.
func (s *Service) name(ctx context.Context, setup Setup, typed string) (string, error) {
	f, err := s.Store.Factors(ctx, setup.Subject)
	if err != nil {
		return "", fmt.Errorf("read factors: %w", err)
	}
	switch {
	case f.Generation != setup.Basis:
		return "", ErrChanged
	case len(f.Authenticators) >= s.Limits.orDefault().Authenticators:
		return "", ErrTooMany
	}
	return newName(f.Authenticators, typed, setup.Name)
}

// newName cleans the name that was typed, an empty one stands for usual, and checks it against those of the others.
func newName(others []Authenticator, typed, usual string) (string, error) {
	name := strings.TrimSpace(strings.Map(visible, typed))
	if NameKey(name) == "" {
		name = usual
	}
	switch {
	case utf8.RuneCountInString(name) > nameSize:
		return "", ErrNameLong
	case taken(others, name):
		return "", ErrNameTaken
	}
	return name, nil
}

func taken(others []Authenticator, name string) bool {
	key := NameKey(name)
	return slices.ContainsFunc(others, func(a Authenticator) bool { return NameKey(a.Name) == key })
}

// suggest is a name that is free.
func suggest(f Factors) string {
	name := "Authenticator app"
	for n := 2; taken(f.Authenticators, name); n++ {
		name = fmt.Sprintf("Authenticator app %d", n)
	}
	return name
}

// What sealed secrets are bound to. The parts are escaped, so that no two lists of parts read alike.
func secretAAD(subject, id string) string   { return aad("totp", subject, id) }
func setupAAD(subject, owner string) string { return aad("setup", subject, owner) }

// SecretAAD is what the secret of an Authenticator is bound to, for whoever seals a Store's rows anew with another key.
func SecretAAD(a Authenticator) string { return secretAAD(a.Subject, a.ID) }

// SetupAAD is what the sealed part of a Setup is bound to, for the same.
func SetupAAD(p Setup) string { return setupAAD(p.Subject, p.Owner) }

func aad(kind, subject, id string) string {
	return kind + "|" + url.PathEscape(subject) + "|" + url.PathEscape(id)
}
