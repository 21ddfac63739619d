package mfa

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
)

// Begin starts to set up the subject's first authenticator, of the kind, or goes on where the owner left off: a refresh or a
// second tab gets the same key. The password is proof enough for it: so it is ErrEnrolled once the subject has an
// authenticator, and a set-up that was begun before that cannot be activated. BeginAnother is for whoever has one.
//
// The owner is a session or a sign-in, by an id that nobody else knows or shares: whoever has it is shown the key.
//
// Outcomes: ErrEnrolled, ErrOwner, ErrNoKind.
func (s *Service) Begin(ctx context.Context, subject, owner, kind string) (PendingView, error) {
	return s.begin(ctx, beginning{subject: subject, owner: owner, kind: kind, may: first})
}

// BeginAnother is Begin for a subject who has an authenticator, and has proved one of those, or a recovery code, in the last
// ten minutes (Limits.Proof): p is what Verify, Recover or Activate has given, or OpenProof. The password alone must not do: whoever
// has only that would set up a factor of his own. Nor does the code of an app of whoever has a phishing-resistant
// authenticator. What is under way already needs no other proof, and its time goes on.
//
// Outcomes: ErrProof, ErrTooMany if the subject has no room, ErrOwner, ErrNoKind.
func (s *Service) BeginAnother(ctx context.Context, subject, owner, kind string, p Proof) (PendingView, error) {
	return s.begin(ctx, beginning{subject: subject, owner: owner, kind: kind, may: s.proved(subject, p)})
}

// Choose puts an authenticator with other settings, or of another kind, in the place of the one that the owner has under
// way, unless that is of the same kind and has these settings, or an answer of it was given already. If nothing is under way
// it is Begin.
//
// Outcomes: those of Begin, and ErrChoice if the settings may not be had.
func (s *Service) Choose(ctx context.Context, subject, owner, kind string, chosen url.Values) (PendingView, error) {
	return s.begin(ctx, beginning{subject: subject, owner: owner, kind: kind, chosen: chosen, choice: true, may: first})
}

// BeginCodes starts to replace the recovery codes, or goes on with it. There is no answer to
// confirm: Activate is next. It asks for the proof that BeginAnother asks for: each of the codes is worth an authenticator.
//
// Outcomes: ErrNotEnrolled if the subject has no authenticator, ErrProof, ErrOwner.
func (s *Service) BeginCodes(ctx context.Context, subject, owner string, p Proof) (PendingView, error) {
	return s.begin(ctx, beginning{subject: subject, owner: owner, may: s.proved(subject, p)})
}

// beginning is what somebody wants to set up.
type beginning struct {
	subject, owner string
	kind           string // empty: recovery codes only
	chosen         url.Values
	choice         bool                // other settings than those under way
	may            func(Factors) error // nil if the subject may, whose factors these are
}

// first lets those begin who have no authenticator.
func first(f Factors) error {
	if len(f.Authenticators) > 0 {
		return ErrEnrolled
	}
	return nil
}

// proved lets those begin who have a proof.
func (s *Service) proved(subject string, p Proof) func(Factors) error {
	return func(f Factors) error { return s.allows(p, subject, f) }
}

// begin returns the set-up that the owner has under way, if it is what is wanted; else it saves a new one.
func (s *Service) begin(ctx context.Context, b beginning) (PendingView, error) {
	if b.owner == "" || b.owner == b.subject {
		return PendingView{}, ErrOwner
	}
	f, err := s.Store.Factors(ctx, b.subject)
	if err != nil {
		return PendingView{}, fmt.Errorf("read factors: %w", err)
	}
	old, err := s.underWay(ctx, b, f)
	if err != nil {
		return PendingView{}, err
	}
	fresh, c, err := s.newSetup(f, b)
	switch {
	case err != nil:
		return PendingView{}, err
	case old != nil && old.is(b, c):
		return s.view(old.Setup, old.content)
	}
	if err := s.mayBegin(f, b, old != nil); err != nil {
		return PendingView{}, err
	}
	return s.start(ctx, f, old, fresh, c)
}

// underWay is a set-up that can still end well.
type underWay struct {
	Setup
	content content
}

// underWay returns what the owner has under way; nil: nothing.
func (s *Service) underWay(ctx context.Context, b beginning, f Factors) (*underWay, error) {
	old, c, err := s.pending(ctx, b.owner, b.subject)
	switch {
	case errors.Is(err, ErrNoSetup), errors.Is(err, ErrSetupExpired), err == nil && old.Basis != f.Generation:
		return nil, nil
	case err != nil:
		return nil, err
	}
	return &underWay{old, c}, nil
}

// is reports whether what is under way is what is wanted.
func (u *underWay) is(b beginning, wanted content) bool {
	same := u.Kind == b.kind
	if b.choice {
		return u.Confirmed || same && u.content.Draft.Params == wanted.Draft.Params
	}
	return same
}

// start saves a new set-up in the place of any that the owner has under way. If a proof was given for that, it was for that
// time.
func (s *Service) start(ctx context.Context, f Factors, old *underWay, fresh Setup, c content) (PendingView, error) {
	fresh.Basis, fresh.Created = f.Generation, s.now()
	fresh.Expires = fresh.Created.Add(s.Limits.orDefault().Setup)
	if old != nil && len(f.Authenticators) > 0 {
		fresh.Created, fresh.Expires = old.Created, old.Expires
	}
	if err := s.saveSetup(ctx, s.Setups.SaveSetup, fresh, c); err != nil {
		return PendingView{}, err
	}
	return s.view(fresh, c)
}

// mayBegin reports why the subject may not begin. Who has something under way may put something else in its place.
func (s *Service) mayBegin(f Factors, b beginning, underWay bool) error {
	if b.kind == "" && len(f.Authenticators) == 0 {
		return ErrNotEnrolled
	}
	if !underWay {
		if err := b.may(f); err != nil {
			return err
		}
	}
	if b.kind != "" && len(f.Authenticators) >= s.Limits.orDefault().Authenticators {
		return ErrTooMany
	}
	return nil
}

// newSetup is what is wanted, to be confirmed; a set of recovery codes is that already.
func (s *Service) newSetup(f Factors, b beginning) (Setup, content, error) {
	if b.kind == "" {
		return Setup{Owner: b.owner, Subject: b.subject, Confirmed: true}, content{Codes: newCodes()}, nil
	}
	k, err := s.kind(b.kind)
	if err != nil {
		return Setup{}, content{}, err
	}
	user := User{Subject: b.subject}
	for _, a := range f.Authenticators {
		if a.Kind == b.kind {
			user.Others = append(user.Others, a.credential())
		}
	}
	c := content{First: len(f.Authenticators) == 0, Had: ids(f.Authenticators)}
	if c.Draft, err = k.Enrol(user, b.chosen); err != nil {
		return Setup{}, content{}, err
	}
	if f.Recovery == nil {
		c.Codes = newCodes()
	}
	return Setup{Owner: b.owner, Subject: b.subject, ID: rand.Text(), Kind: b.kind, Name: suggest(f.Authenticators, k.Names().Label)}, c, nil
}

// Confirm checks the first answer of the new authenticator and names it; an empty name stands for
// the suggested one. A wrong answer is counted like any other, and what is set up stays as it is. A right one is no guess,
// and is taken back in the commit that confirms. A set-up that is confirmed already stays as it is too.
//
// Outcomes: *Wrong, *Locked, ErrFormat, ErrLooksLikeRecovery, what the Kind says more precisely, ErrNameTaken,
// ErrNameLong, ErrTooMany, ErrNoSetup, ErrSetupExpired, ErrChanged.
func (s *Service) Confirm(ctx context.Context, subject, owner string, answer url.Values, name string) error {
	setup, c, err := s.pending(ctx, owner, subject)
	if err != nil || setup.Confirmed {
		return err
	}
	if setup.Name, err = s.name(ctx, setup, name); err != nil {
		return err
	}
	found, a, err := s.first(ctx, setup, c.Draft, answer)
	if err != nil {
		return err
	}
	setup.Confirmed, c.Draft, c.AMR, c.Proved = true, found.Credential, found.AMR, a.at
	err = s.atomic(ctx, func(ctx context.Context) error {
		if err := s.saveSetup(ctx, s.Setups.ConfirmSetup, setup, c); err != nil {
			return err
		}
		return s.Attempts.RefundAttempt(ctx, a.key, a.ID) // whoever sets up has the secret: nobody has guessed
	})
	if err != nil {
		s.refunds().Refund(ctx, a.key, a.ID)
	}
	return err
}

// first checks the first answer of an authenticator.
func (s *Service) first(ctx context.Context, setup Setup, draft Credential, answer url.Values) (Match, attempt, error) {
	kind, err := s.kind(setup.Kind)
	if err != nil {
		return Match{}, attempt{}, err
	}
	compare, err := kind.Confirm(draft, answer)
	if err != nil {
		return Match{}, attempt{}, err
	}
	a, err := s.count(ctx, setup.Kind, setup.Subject, s.Limits.orDefault().Attempts, s.now())
	if err != nil {
		return Match{}, attempt{}, err
	}
	found, err := compare(a.at)
	if err != nil {
		return Match{}, a, s.refused(ctx, a, err)
	}
	return found, a, nil
}

// Activate makes the confirmed set-up live and runs then in the same commit: the user has seen
// the recovery codes and says that they are saved. The proof is that of the answer given to
// Confirm, for which wrong answers of the kind are forgotten, or proves nothing if only recovery codes were replaced. What
// Verify says about then holds here.
//
// ErrChanged if any authenticator, or set of recovery codes, came or went since the set-up began: what allowed it then is
// checked in this commit, so that what was begun as the first authenticator is that or nothing, and what was begun with a
// proof does not outlive what was proved.
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
	a, p, err := s.activated(setup, c)
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
		if err := run(ctx, p, then); err != nil || p.kind == "" {
			return err
		}
		return s.Attempts.ResetAttempts(ctx, attemptKey(p.kind, subject), s.now())
	})
}

// activated returns what the set-up makes, sealed for good, and its proof.
func (s *Service) activated(setup Setup, c content) (*Authenticator, Proof, error) {
	if setup.ID == "" {
		return nil, Proof{}, nil
	}
	kind, err := s.kind(setup.Kind)
	if err != nil {
		return nil, Proof{}, err
	}
	made := c.Draft
	made.ID, made.Kind, made.Name, made.Created = setup.ID, setup.Kind, setup.Name, s.now()
	a, err := s.Keys.Sealed(setup.Subject, made)
	if err != nil {
		return nil, Proof{}, err
	}
	p, err := s.seal(proofOf(kind, setup.Subject, Match{AMR: c.AMR}, append(c.Had, setup.ID), c.Proved))
	return &a, p, err
}

// Cancel forgets the owner's set-up. Nothing else changes.
func (s *Service) Cancel(ctx context.Context, owner string) error {
	return s.Setups.DeleteSetup(ctx, owner)
}
