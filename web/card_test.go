package web

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"os"
	"testing"
	"time"

	"golang.org/x/net/html"

	"vestibule/mfa"
	"vestibule/mfa/mfatest"
)

// cards are a kind of authenticator whose answers need a challenge, and that does not count: what it proves is an HMAC of
// the challenge. Nothing in these packages knows it; its template and its script are in testdata.
type cards struct{}

// cardView is what the pages show: what the card is to sign, and in a set-up its key.
type cardView struct {
	Sign string `json:"sign"`
	Key  []byte `json:"key,omitempty"`
}

func (cards) Names() mfa.Names {
	return mfa.Names{Kind: "card", Method: "card", Label: "Smart card"}
}

func (cards) Enrol(mfa.User, url.Values) (mfa.Credential, error) {
	key := make([]byte, 32)
	rand.Read(key)
	return mfa.Credential{Secret: key, Params: `{"made":"today"}`}, nil
}

func (cards) Offer(draft mfa.Credential) (any, error) { return cardView{"first", draft.Secret}, nil }

func (c cards) Confirm(draft mfa.Credential, answer url.Values) (mfa.Compare, error) {
	return c.compare([]mfa.Credential{draft}, []byte("first"), answer)
}

func (cards) Challenge([]mfa.Credential) ([]byte, any, error) {
	state := []byte(rand.Text())
	return state, cardView{Sign: string(state)}, nil
}

func (cards) MayAnswer(answer url.Values) bool { return answer.Get("mac") != "" }

func (c cards) Check(all []mfa.Credential, state []byte, answer url.Values) (mfa.Compare, error) {
	if len(state) != len(rand.Text()) {
		return nil, mfa.ErrChallenge
	}
	return c.compare(all, state, answer)
}

func (cards) compare(all []mfa.Credential, signed []byte, answer url.Values) (mfa.Compare, error) {
	mac, err := hex.DecodeString(answer.Get("mac"))
	switch {
	case err != nil || len(mac) == 0:
		return nil, mfa.ErrFormat
	case bytes.Equal(mac, []byte("tired")):
		return nil, &mfa.Refusal{ID: "tired", Err: mfa.ErrFormat} // of which there are no words
	}
	return func(time.Time) (mfa.Match, error) {
		found := mfa.Match{}
		for _, c := range all {
			if hmac.Equal(mac, cardMAC(c.Secret, string(signed))) {
				found = mfa.Match{Credential: c, AMR: []string{"sc"}}
			}
		}
		if found.AMR == nil {
			return mfa.Match{}, mfa.ErrCode
		}
		return found, nil
	}, nil
}

func cardMAC(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// card is one in a user's hand, and the paper with the recovery codes beside it.
type card struct {
	key   []byte
	codes []string
}

func (c *card) Enrol(t testing.TB, offer any, now time.Time) url.Values {
	c.key = offer.(cardView).Key
	return c.Answer(t, offer, now)
}

func (c *card) Answer(_ testing.TB, view any, _ time.Time) url.Values {
	return url.Values{"mac": {hex.EncodeToString(cardMAC(c.key, view.(cardView).Sign))}}
}

func (c *card) Wrong(testing.TB, url.Values, time.Time) url.Values {
	return url.Values{"mac": {hex.EncodeToString(cardMAC(c.key, "something else"))}}
}

func TestCardsAreAKind(t *testing.T) {
	mfatest.TestKind(t, cards{}, mfatest.KindFixture{
		New: func() mfatest.Device { return &card{} }, Malformed: []url.Values{{"mac": {"zz"}}, {"mac": {""}}},
	})
}

// withCards has the site know cards too, after the apps.
func (s *site) withCards() {
	s.t.Helper()
	s.mfa.Kinds = append(s.mfa.Kinds, cards{})
	s.configure(func(c *Config) { c.Site.Factors = os.DirFS("testdata/card") })
}

// card gives the user a card.
func (s *site) card(subject string) *card {
	s.t.Helper()
	ctx, owner, c := s.t.Context(), rand.Text(), &card{}
	pending, err := mfatest.Begin(s.t, s.mfa, subject, owner, "card")
	if err == nil {
		err = s.mfa.Confirm(ctx, subject, owner, c.Enrol(s.t, pending.Offer, s.clock.now()), "")
	}
	if err == nil {
		pending, err = s.mfa.Pending(ctx, owner, subject)
	}
	if err == nil {
		c.codes, err = pending.Codes, s.mfa.Activate(ctx, subject, owner, nil)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// asked is what the page gives a card to sign.
func (s *screen) asked() cardView {
	s.t.Helper()
	var view cardView
	for n := range s.doc.Descendants() {
		if n.Type == html.ElementNode && has(n, "data-card") {
			if err := json.Unmarshal([]byte(attr(n, "data-card")), &view); err != nil {
				s.t.Fatal(err)
			}
			return view
		}
	}
	s.t.Fatalf("%s (%s) asks for no card:\n%s", s.name, s.state, s.text())
	return view
}

// mac is the card's answer to the page.
func (s *screen) mac(c *card) string {
	s.t.Helper()
	return c.Answer(s.t, s.asked(), s.clock.now()).Get("mac")
}

// use presses the button with the card in.
func (s *screen) use(c *card) *screen {
	s.t.Helper()
	return s.press("Use the card", "mac", s.mac(c))
}

// misuse presses it with a card that is not the user's.
func (s *screen) misuse() *screen {
	s.t.Helper()
	return s.use(&card{key: []byte("of nobody")})
}

// cardAt returns the page of the card, after the password.
func (s *site) cardAt(b *visitor, name string) *screen {
	s.t.Helper()
	return b.open(s.authorize()).password(name).at("card", "initial")
}
