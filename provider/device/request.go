package device

import (
	"context"
	"errors"
	"time"
)

// Addresses of the pages, below the issuer.
const (
	Path     = "/device"       // where users enter codes: verification_uri
	DonePath = "/device/done"  // the device goes on
	OverPath = "/device/again" // it does not; the parameter why says why
)

// Why a device is not signed in, as OverPath is told.
const (
	Denied = "denied" // the user has not allowed it, or could not
	Late   = "late"   // it waits no more: its code has expired, or was used in another browser
)

// Request is a device that waits. The codes that it was given are nowhere stored: whoever has the row can make neither.
type Request struct {
	Signature    string // of the device code; the key
	UserCode     string // what UserCodes has made of the user code; no two requests have the same
	Client       string
	Registration string // of the client
	Network      string // of whoever asked, for Most; empty: it does not count
	Data         []byte // the sign-in that the user is to begin, as JSON
	Created      time.Time
	Expires      time.Time
	Denied       bool
}

// Most is how many requests may wait that come from one network and name it.
const Most = 200

var (
	// ErrMany reports that Most requests of a network wait.
	ErrMany = errors.New("too many devices wait")
	// ErrOver reports a device that does not wait any more: it was allowed or denied, or its code has expired.
	ErrOver = errors.New("the device waits no more")
)

// Store keeps the devices that wait. Of a client that was removed since, none does. providertest.TestStore proves one.
type Store interface {
	// AddDevice inserts a request: store.ErrConflict if another has its user code, ErrMany if about Most of its network
	// wait. The check may let in a few more that come at once.
	AddDevice(ctx context.Context, r Request) error
	// Device returns the request with that signature, denied or expired or not, or store.ErrNotFound. It is asked at every
	// poll, and writes nothing.
	Device(ctx context.Context, signature string) (Request, error)
	// DeviceByUserCode returns the request with one of these, denied or expired or not, or store.ErrNotFound.
	DeviceByUserCode(ctx context.Context, userCodes []string) (Request, error)
	// AllowDevice removes the request, in a commit that puts what the device gets in its place: ErrOver if at that time it
	// does not wait.
	AllowDevice(ctx context.Context, signature string, at time.Time) error
	// DenyDevice marks the request: ErrOver if at that time it does not wait.
	DenyDevice(ctx context.Context, signature string, at time.Time) error
}
