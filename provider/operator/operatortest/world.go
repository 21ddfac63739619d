package operatortest

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"vestibule/consent"
	"vestibule/mfa"
	"vestibule/mfa/totp"
	"vestibule/provider/account"
	"vestibule/provider/assurance"
	"vestibule/provider/audit"
	"vestibule/provider/client"
	"vestibule/provider/interaction"
	"vestibule/provider/operator"
)

// Store is what the tests need of a store beside what operators do to it.
type Store interface {
	operator.Store
	mfa.Attempts
	// Record implements audit.Recorder.
	Record(ctx context.Context, e audit.Event) error
	// AddScopes is that of a consent.Store.
	AddScopes(ctx context.Context, subject string, client consent.Client, scopes []string, now time.Time) error
	// SaveSession inserts a session; old is nil.
	SaveSession(ctx context.Context, old []byte, s *interaction.Session) error
}

// Place is an empty store and two ways to look at it from outside.
type Place struct {
	Store
	Content func(t *testing.T) map[string][]string // all rows, by table; the events are in the table "audit"
	Commits func() int                             // how many commits have written something until now
}

// noon is when the tests happen.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const (
	password  = "cobalt heron umbrella"
	setUp     = "cli:1" // who did what is there before
	acting    = "cli:7" // who does what is tested
	firstKey  = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
	secondKey = "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU"
)

// errBroken is what a recorder fails with.
var errBroken = errors.New("the audit log is broken")

// recorder keeps what is recorded in the store, too, unless it is broken.
type recorder struct {
	Store
	broken bool
	events []audit.Event
}

// Record implements audit.Recorder.
func (r *recorder) Record(ctx context.Context, e audit.Event) error {
	if r.broken {
		return errBroken
	}
	r.events = append(r.events, e)
	return r.Store.Record(ctx, e)
}

// world is a store with a user, and an operator who acts on it.
type world struct {
	t     *testing.T
	place Place
	log   *recorder
	now   time.Time
	keys  [2]string // old and new
	ana   account.Account
}

func newWorld(t *testing.T, place Place) *world {
	t.Helper()
	w := &world{t: t, place: place, now: noon, keys: [2]string{mfa.NewKey(), mfa.NewKey()}}
	w.log = &recorder{Store: place}
	ana, err := w.operator(setUp).CreateUser(t.Context(), operator.NewUser{Username: "ana", Email: "ana@example.com"}, password)
	w.must(err)
	w.ana = ana
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// operator acts with cheap hashes and the keys of the world, the old one first if it prepares something.
func (w *world) operator(actor string) *operator.Operator {
	w.t.Helper()
	ring := []string{w.keys[0]}
	if actor == acting {
		ring = []string{w.keys[1], w.keys[0]}
	}
	keys, err := mfa.ParseKeyring(ring)
	w.must(err)
	o := operator.New(w.place, w.log, actor)
	o.Keys, o.Hasher = keys, &account.Hasher{Memory: 64, Passes: 1}
	o.Now = func() time.Time { return w.now }
	o.MFA.Keys, o.MFA.Now, o.MFA.Kinds = keys, o.Now, []mfa.Kind{totp.Kind{Issuer: "Vestibule"}}
	return o
}

// enrolled gives ana authenticators with those secrets.
func (w *world) enrolled(secrets ...string) {
	w.t.Helper()
	for i, secret := range secrets {
		_, err := w.operator(setUp).AddAuthenticators(w.t.Context(), w.ana, portable([]string{"Phone", "Tablet"}[i], secret))
		w.must(err)
	}
}

func portable(name, secret string) totp.Portable {
	return totp.Portable{Name: name, Secret: secret, Params: totp.Params{Algorithm: "SHA1", Digits: 6, Period: 30}}
}

// planned announces a reset of ana that is due in an hour.
func (w *world) planned() {
	w.t.Helper()
	_, err := w.operator(setUp).PlanReset(w.t.Context(), w.ana, "lost the phone", time.Hour)
	w.must(err)
}

// shop registers a client.
func (w *world) shop() {
	w.t.Helper()
	_, _, err := w.operator(setUp).RegisterClient(w.t.Context(), shop())
	w.must(err)
}

// consented has ana allow the shop something.
func (w *world) consented() {
	w.t.Helper()
	w.shop()
	c, err := w.place.Client(w.t.Context(), "shop")
	w.must(err)
	w.must(w.place.AddScopes(w.t.Context(), w.ana.Subject, consent.Client{ID: c.ID, Registration: c.Registration}, []string{"openid", "email"}, w.now))
}

func shop() operator.NewClient {
	return operator.NewClient{Client: client.Client{ID: "shop", RedirectURIs: []string{"https://shop.example.com/callback"}}}
}

// session opens one for ana.
func (w *world) session() { w.sessionIn(0) }

// twoSessions opens two.
func (w *world) twoSessions() {
	w.sessionIn(1)
	w.sessionIn(2)
}

func (w *world) sessionIn(browser byte) {
	w.t.Helper()
	w.must(w.place.SaveSession(w.t.Context(), nil, &interaction.Session{
		ID: bytes.Repeat([]byte{browser}, 32), Login: *assurance.PasswordLogin(w.ana.Subject, w.ana.Epoch, w.now),
		Created: w.now, Seen: w.now, Expires: w.now.Add(time.Hour),
	}))
}
