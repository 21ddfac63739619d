package assurance

import (
	"net/url"
	"time"
)

// Request is the demand of an authorization request that came at that time, of a client without names of levels of its
// own. Its errors are those of Demand.Read.
func (l Levels) Request(form url.Values, at time.Time) (Demand, error) {
	d := Demand{RequestedAt: at, WeakRecovery: l.WeakRecovery}
	err := d.Read(form, l, nil)
	return d, err
}
