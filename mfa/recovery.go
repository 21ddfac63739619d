package mfa

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"strings"
	"time"
	"unicode"

	"vestibule/provider/phc"
)

// A recovery code is 15 symbols, about 74 bits, of an alphabet without look-alikes.
const (
	alphabet  = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
	symbols   = 15
	groupSize = 5
	codeCount = 10
	saltSize  = 16
)

// Recover checks a recovery code as the user typed it. When it is right, it is redeemed, then is run, with the number
// of codes left, and the wrong recovery codes are forgotten, the right one with them, in one commit. What Verify says about
// since, then and faults holds here. It proves no authenticator: the Proof has no AMR.
//
// Outcomes: *Wrong (a used code is a wrong one), *Locked, *Stale, ErrFormat, ErrNotEnrolled, ErrBusy or what Slow says
// instead.
func (s *Service) Recover(ctx context.Context, subject, code string, since time.Time, then func(ctx context.Context, p Proof, left int) error) error {
	now := s.now()
	typed, err := parseRecovery(code)
	if err != nil {
		return err
	}
	set, had, err := s.recoverySet(ctx, subject)
	if err != nil {
		return err
	}
	var a attempt
	digest, err := s.slowly(ctx, typed, set.Salt, set.Params, func() (err error) {
		a, err = s.countSince(ctx, factorRecovery, subject, s.Limits.orDefault().Recovery, since, now)
		return err
	})
	switch {
	case err != nil:
		return err
	case !contains(set.Digests, digest):
		return a.miss()
	}
	p := Proof{subject: subject, kind: factorRecovery, method: MethodRecovery, time: now, had: had, strongest: true}
	err = s.finish(ctx, a, p, func(ctx context.Context) error {
		return s.Attempts.Redeem(ctx, set.ID, digest, now)
	}, withLeft(then, len(set.Digests)-1))
	if err == errLost { // somebody else was faster with the same code
		return a.miss()
	}
	return err
}

// withLeft has then know how many codes are left; nil if it is.
func withLeft(then func(ctx context.Context, p Proof, left int) error, left int) func(context.Context, Proof) error {
	if then == nil {
		return nil
	}
	return func(ctx context.Context, p Proof) error { return then(ctx, p, left) }
}

// recoverySet returns the subject's codes, and the ids of the authenticators that they stand in for.
func (s *Service) recoverySet(ctx context.Context, subject string) (*RecoverySet, []string, error) {
	f, err := s.Store.Factors(ctx, subject)
	if err != nil {
		return nil, nil, fmt.Errorf("read factors: %w", err)
	}
	if len(f.Authenticators) == 0 || f.Recovery == nil {
		return nil, nil, ErrNotEnrolled
	}
	return f.Recovery, ids(f.Authenticators), nil
}

// recovery makes the verifiers of the codes. It costs one slow hash for each.
func (s *Service) recovery(ctx context.Context, subject string, codes []string, now time.Time) (*RecoverySet, error) {
	set := &RecoverySet{ID: rand.Text(), Subject: subject, Salt: make([]byte, saltSize), Params: s.cost().String(), Total: len(codes), Created: now}
	rand.Read(set.Salt)
	for _, code := range codes {
		digest, err := s.slowly(ctx, code, set.Salt, set.Params, nil)
		if err != nil {
			return nil, err
		}
		set.Digests = append(set.Digests, digest)
	}
	return set, nil
}

// slowly hashes when there is a place for it, and runs first, unless it is nil, just before: who is turned away has not
// guessed, so that the count comes after the place.
func (s *Service) slowly(ctx context.Context, code string, salt []byte, params string, first func() error) (digest []byte, err error) {
	cost, err := phc.ParseCost(params)
	if err != nil {
		return nil, fmt.Errorf("recovery codes: %w", err)
	}
	var slow Gate = &s.own
	if s.Slow != nil {
		slow = s.Slow
	}
	var fault error
	err = slow.Do(ctx, func() {
		if first != nil {
			fault = first()
		}
		if fault == nil {
			digest = cost.Sum(code, salt, 32)
		}
	})
	return digest, cmp.Or(err, fault)
}

// contains compares with all digests, so that its time does not tell which one it was.
func contains(digests [][]byte, digest []byte) bool {
	found := 0
	for _, d := range digests {
		found |= subtle.ConstantTimeCompare(d, digest)
	}
	return found == 1
}

// newCodes makes recovery codes.
func newCodes() []string {
	codes := make([]string, codeCount)
	for i := range codes {
		codes[i] = newCode()
	}
	return codes
}

// newCode draws each symbol from all 31 alike: bytes that would favour the first symbols are
// thrown away.
func newCode() string {
	const fair = 256 - 256%len(alphabet)
	code := make([]byte, 0, symbols)
	for random := make([]byte, 1); len(code) < symbols; {
		if rand.Read(random); int(random[0]) < fair {
			code = append(code, alphabet[int(random[0])%len(alphabet)])
		}
	}
	return string(code)
}

// groups is how a code is shown: K7QF2-M9XPT-4D8WH.
func groups(code string) string {
	return code[:groupSize] + "-" + code[groupSize:2*groupSize] + "-" + code[2*groupSize:]
}

// parseRecovery returns a typed recovery code as newCode made it.
func parseRecovery(typed string) (string, error) {
	code := strings.Map(func(r rune) rune {
		if IsSeparator(r) {
			return -1
		}
		return unicode.ToUpper(r)
	}, typed)
	outside := func(r rune) bool { return !strings.ContainsRune(alphabet, r) }
	if len(code) != symbols || strings.ContainsFunc(code, outside) {
		return "", ErrFormat
	}
	return code, nil
}

func (s *Service) cost() phc.Cost { return phc.NewCost(s.Memory, s.Passes) }
