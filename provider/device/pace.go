package device

import (
	"sync"
	"time"
)

const (
	Interval = 5 * time.Second // between two polls, as a device is told (RFC 8628 section 3.2)

	slower  = 5 * time.Second // is added each time that a device asks too early (RFC 8628 section 3.5)
	slowest = time.Minute     // however often it does, so that whoever never listens still gets an answer now and then
	early   = time.Second     // that a poll may come before its time: networks are not as regular as clocks
)

// Pace holds each device to the interval between its polls. It remembers them in memory, in each process for itself: a poll
// that is too early then costs no question to the database, and one that is in time no commit. What is lost with a process,
// or not known to another one, are some seconds of patience, and no authority. Its zero value is ready.
type Pace struct {
	mu    sync.Mutex
	polls map[string]poll
}

// poll is the last one that was in time.
type poll struct {
	at       time.Time
	interval time.Duration // until the next
}

// paces bounds the memory: an entry is about 150 bytes. Only a device that was given a code has one.
const paces = 32 << 10

// InTime reports whether the device may ask. If not, its interval grows (RFC 8628 section 3.5).
func (p *Pace) InTime(signature string, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	last, ok := p.polls[signature]
	if ok && now.Sub(last.at) < last.interval-early {
		last.interval = min(last.interval+slower, slowest)
		p.polls[signature] = last
		return false
	}
	if !ok {
		last.interval = Interval
		p.room(now)
	}
	last.at = now
	p.polls[signature] = last
	return true
}

// room sees to it that there is place for one more: of those that have not asked for long, or else of all.
func (p *Pace) room(now time.Time) {
	if len(p.polls) >= paces {
		for signature, last := range p.polls {
			if now.Sub(last.at) > 2*slowest {
				delete(p.polls, signature)
			}
		}
	}
	if p.polls == nil || len(p.polls) >= paces {
		p.polls = map[string]poll{}
	}
}

// Forget forgets a device that waits no more: an answer that was lost may be asked for at once.
func (p *Pace) Forget(signature string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.polls, signature)
}
