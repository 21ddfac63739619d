package bench

import (
	"context"
	"sync"
	"time"

	"vestibule/mfa/totp"
	"vestibule/provider/operator"
)

// period is how long the code of an authenticator is the same.
const period = 30 * time.Second

// user is somebody to sign in.
type user struct {
	name, password string
	factor         totp.Portable
	used           int64     // the last step whose code was given
	at             time.Time // of the code to give
}

// code is the one that the user reads.
func (u user) code() (string, error) { return u.factor.Code(u.at) }

// pool are the users. A code counts once, so that each user signs in once a period.
type pool struct {
	waits func(until time.Time) // told when all have signed in, once a period; nil: nobody is

	mu    sync.Mutex
	queue []user // the first is who has not signed in for the longest time
	told  int64  // the step in which waits was told
}

// newPool is one of users whose codes were used until then at most.
func newPool(u Users, used time.Time, waits func(until time.Time)) (*pool, error) {
	p := &pool{waits: waits}
	for _, one := range u.Users {
		factor, err := factorOf(one)
		if err != nil {
			return nil, err
		}
		p.queue = append(p.queue, user{name: one.Username, password: u.Password, factor: factor, used: stepOf(used)})
	}
	return p, nil
}

func factorOf(one operator.Seeded) (totp.Portable, error) { return totp.ParseSecret(one.Secret, false) }

func stepOf(at time.Time) int64 { return at.Unix() / int64(period/time.Second) }

// take returns a user whose code of now is unused, and has it used. It waits for the next period if there is none.
func (p *pool) take(ctx context.Context) (user, error) {
	for {
		u, until := p.next(time.Now())
		if until.IsZero() {
			return u, nil
		}
		select {
		case <-ctx.Done():
			return user{}, ctx.Err()
		case <-time.After(time.Until(until)):
		}
	}
}

// next is take for whoever can do something else until then.
func (p *pool) next(now time.Time) (u user, until time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	step := stepOf(now)
	if p.queue[0].used < step {
		u, p.queue = p.queue[0], p.queue[1:]
		u.used, u.at = step, now
		p.queue = append(p.queue, u)
		return u, time.Time{}
	}
	until = time.Unix((step+1)*int64(period/time.Second), 0)
	if p.told != step {
		p.told = step
		if p.waits != nil {
			p.waits(until)
		}
	}
	return user{}, until
}
