package totp

import (
	"errors"
	"net/url"
	"strconv"
	"time"

	"vestibule/mfa"
)

// MayAnswer reports false of what is no code of any app.
func (Kind) MayAnswer(answer url.Values) bool {
	_, err := parseCode(answer.Get(codeField), []int{6, 8})
	return err == nil
}

// Check reads a code in the field code. It is right for the present step, the one before and the one after, if that is
// later than the last that was accepted (RFC 6238 section 5.2).
func (Kind) Check(all []mfa.Credential, _ []byte, answer url.Values) (mfa.Compare, error) {
	devices, err := devicesOf(all)
	if err != nil {
		return nil, err
	}
	code, err := parseCode(answer.Get(codeField), lengths(devices))
	if err != nil {
		return nil, err
	}
	return func(now time.Time) (mfa.Match, error) { return check(devices, code, now) }, nil
}

func check(devices []device, code string, now time.Time) (mfa.Match, error) {
	found, err := search(devices, code, now, hint, drift)
	switch {
	case err != nil:
		return mfa.Match{}, err
	case found.verdict == right:
		return found.match(now), nil
	case found.verdict == used:
		return mfa.Match{}, &mfa.Used{Seconds: found.device.wait(found.step, now)}
	case found.verdict == expired:
		return mfa.Match{}, mfa.ErrExpired
	}
	return mfa.Match{}, mfa.ErrCode
}

// Confirm reads the first code of a new app. One that a clock explains is told apart: a *ClockOff, in an
// *mfa.Refusal.
func (Kind) Confirm(draft mfa.Credential, answer url.Values) (mfa.Compare, error) {
	draft.Counter = -1
	devices, err := devicesOf([]mfa.Credential{draft})
	if err != nil {
		return nil, err
	}
	code, err := parseCode(answer.Get(codeField), lengths(devices))
	if errors.Is(err, mfa.ErrLooksLikeRecovery) { // there is no recovery code that could stand for this one
		err = explainFormat(errors.Join(err, &Format{Digits: lengths(devices)}), lengths(devices))
	}
	if err != nil {
		return nil, err
	}
	return func(now time.Time) (mfa.Match, error) { return confirm(devices, code, now) }, nil
}

func confirm(devices []device, code string, now time.Time) (mfa.Match, error) {
	period := devices[0].params.Period
	far := int(helpTime/time.Second) / period
	found, err := search(devices, code, now, far, far)
	switch {
	case err != nil:
		return mfa.Match{}, err
	case found.verdict == right:
		return found.match(now), nil
	case found.verdict == expired, found.verdict == clockOff:
		return mfa.Match{}, refusedClock(found.offset * period)
	}
	return mfa.Match{}, mfa.ErrCode
}

// match is what an mfa.Service is told of a right code. Detail: offset, how many steps the app's clock is ahead of ours.
func (m match) match(now time.Time) mfa.Match {
	c := m.device.Credential
	c.Counter = m.step
	return mfa.Match{
		Credential: c, AMR: []string{Method}, Again: m.device.wait(m.step, now),
		Detail: map[string]string{"offset": strconv.Itoa(m.offset)},
	}
}
