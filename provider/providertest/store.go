package providertest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"vestibule/provider"
	"vestibule/provider/assurance"
	"vestibule/provider/client"
	"vestibule/provider/dpop"
	"vestibule/provider/interaction"
	"vestibule/provider/interaction/interactiontest"
	"vestibule/provider/jwks"
	"vestibule/provider/pairwise"
	"vestibule/provider/pushed"
	"vestibule/provider/store"
	"vestibule/provider/tokens"
)

// The client and the subject that a store under test must know before TestStore begins.
const (
	Client  = "shop"
	Subject = "subject-of-ana"
)

// racers is how many goroutines try to spend one thing.
const racers = 32

// TestStore proves the contracts of provider.Store. open returns a fresh store that has the Client and an account with
// the Subject.
func TestStore(t *testing.T, open func(t *testing.T) provider.Store) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, s provider.Store)
	}{
		{"client", testClient},
		{"atomic", testAtomic},
		{"pushed request", testPushed},
		{"pushed request is taken once", testPushedOnce},
		{"code", testCode},
		{"token for somebody who asks", testAsker},
		{"code is exchanged once", testExchangeOnce},
		{"family that ended gets no token", testExchangeRevoked},
		{"refresh token is rotated once", testRotateOnce},
		{"rotation keeps the answer", testRotateReplay},
		{"renewal of a refresh token", testRenew},
		{"family that ended is not rotated", testRotateRevoked},
		{"access token ends alone", testRevokeAccessToken},
		{"token with its user", testUserToken},
		{"proof is used once", testUseProof},
		{"token of a client", testClientToken},
		{"assertion of a client is spent once", testSpendAssertion},
		{"signing keys", testKeys},
		{"the key of pairwise subjects", testPairwiseKey},
		{"device that waits", testDevice},
		{"devices that are many", testManyDevices},
		{"device is allowed or denied once", testDeviceOnce},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
	interactiontest.TestStore(t, Client, Subject, func(t *testing.T) interaction.Store { return open(t) })
}

// at is a time that every store can keep: to the microsecond.
var at = time.Date(2026, 3, 4, 5, 6, 7, 891011000, time.UTC)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: error %v, want %v", what, got, want)
	}
}

func testClient(t *testing.T, s provider.Store) {
	c, err := s.Client(t.Context(), Client)
	check(t, err)
	if c.ID != Client {
		t.Errorf("client %q, want %q", c.ID, Client)
	}
	if c.Registration == "" {
		t.Error("the client has no Registration, so that one that is made anew would inherit what it was allowed")
	}
	_, err = s.Client(t.Context(), "nobody")
	wantErr(t, "unknown client", err, store.ErrNotFound)
}

func someInteraction() *interaction.Interaction {
	return &interaction.Interaction{
		ID: "0123456789abcdefghijkl", Client: Client, Scopes: []string{"openid"}, Browser: []byte{1, 2},
		Demand: assurance.Demand{HasMaxAge: true, MaxAge: time.Minute, RequestedAt: at}, Request: []byte(`{"state":"s"}`),
		Login: assurance.PasswordLogin(Subject, 0, at), Created: at, Expires: at.Add(time.Hour),
	}
}

// race runs f many times at once and counts the successes; every failure must be want.
func race(t *testing.T, f func() error, want error) int {
	t.Helper()
	var (
		mu   sync.Mutex
		wg   sync.WaitGroup
		won  int
		gate = make(chan struct{})
	)
	for range racers {
		wg.Go(func() {
			<-gate
			err := f()
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won++
			} else if !errors.Is(err, want) {
				t.Errorf("loser got %v, want %v", err, want)
			}
		})
	}
	close(gate)
	wg.Wait()
	return won
}

func testAtomic(t *testing.T, s provider.Store) {
	ctx := t.Context()
	ix := someInteraction()
	check(t, s.SaveInteraction(ctx, ix))
	stop := errors.New("stop")
	err := s.Atomic(ctx, func(ctx context.Context) error {
		check(t, saveCode(ctx, s, code("one")))
		return stop
	})
	wantErr(t, "atomic that gives up", err, stop)
	_, err = s.Code(ctx, "one")
	wantErr(t, "code of an atomic that gave up", err, store.ErrNotFound)

	finish := func(name string) error {
		return s.Atomic(ctx, func(ctx context.Context) error {
			return s.Atomic(ctx, func(ctx context.Context) error { // joins the outer one
				if err := saveCode(ctx, s, code(name)); err != nil {
					return err
				}
				return s.DeleteInteraction(ctx, ix.ID, ix.Version)
			})
		})
	}
	check(t, finish("two"))
	wantErr(t, "second end", finish("three"), store.ErrConflict)
	_, err = s.Code(ctx, "two")
	check(t, err)
	_, err = s.Code(ctx, "three")
	wantErr(t, "code of the second end", err, store.ErrNotFound)
}

func pushedRequest(t *testing.T, s provider.Store) (pushed.Request, client.Client) {
	t.Helper()
	registered, err := s.Client(t.Context(), Client)
	check(t, err)
	return pushed.Request{Signature: "sig", Client: Client, Registration: registered.Registration, Data: []byte(`{"id":"x"}`), Expires: at.Add(time.Minute)}, registered
}

func testPushed(t *testing.T, s provider.Store) {
	ctx := t.Context()
	want, registered := pushedRequest(t, s)
	check(t, s.PushRequest(ctx, want))
	wantErr(t, "second request of a signature", s.PushRequest(ctx, want), store.ErrConflict)
	other, earlier := registered, registered
	other.ID, earlier.Registration = "other", "another"
	for name, of := range map[string]client.Client{"another client": other, "one that had the id before": earlier} {
		_, err := s.TakeRequest(ctx, "sig", of, at)
		wantErr(t, "request for "+name, err, store.ErrNotFound)
	}
	_, err := s.TakeRequest(ctx, "sig", registered, want.Expires)
	wantErr(t, "request that is over", err, store.ErrNotFound)
	_, err = s.TakeRequest(ctx, "no such", registered, at)
	wantErr(t, "request that never was", err, store.ErrNotFound)
	data, err := s.TakeRequest(ctx, "sig", registered, want.Expires.Add(-time.Microsecond)) // none of these has burnt it
	check(t, err)
	if string(data) != string(want.Data) {
		t.Errorf("read %q, pushed %q", data, want.Data)
	}
	_, err = s.TakeRequest(ctx, "sig", registered, at)
	wantErr(t, "request that was taken", err, store.ErrNotFound)
}

func testPushedOnce(t *testing.T, s provider.Store) {
	r, registered := pushedRequest(t, s)
	check(t, s.PushRequest(t.Context(), r))
	won := race(t, func() error {
		_, err := s.TakeRequest(context.Background(), "sig", registered, at)
		return err
	}, store.ErrNotFound)
	if won != 1 {
		t.Errorf("one request was taken %d times, want once", won)
	}
}

func code(signature string) tokens.Code {
	return tokens.Code{Signature: signature, Family: "family of " + signature, Client: Client, Subject: Subject,
		Session: "sid", Data: []byte(`{}`), Created: at, Expires: at.Add(time.Minute)}
}

// saveCode saves the code for the client as it is registered.
func saveCode(ctx context.Context, s provider.Store, c tokens.Code) error {
	registered, err := s.Client(ctx, c.Client)
	if err != nil {
		return err
	}
	return s.SaveCode(ctx, c, registered)
}

func pair(family, suffix string) []tokens.Token {
	access := tokens.Token{Kind: tokens.AccessToken, Signature: "access " + suffix, Family: family, Client: Client,
		Subject: Subject, Session: "sid", Data: []byte(`{"a":1}`), Created: at, Expires: at.Add(time.Minute)}
	refresh := access
	refresh.Kind, refresh.Signature = tokens.RefreshToken, "refresh "+suffix
	return []tokens.Token{access, refresh}
}

// accessKey and refreshKey are the keys of tokens of pair. The generation is how many refresh tokens the family had before.
func accessKey(suffix string) tokens.Key {
	return tokens.Key{Kind: tokens.AccessToken, Signature: "access " + suffix}
}

func refreshKey(family, suffix string, generation int64) tokens.Key {
	return tokens.Key{Kind: tokens.RefreshToken, Signature: "refresh " + suffix, Family: family, Generation: generation}
}

func testCode(t *testing.T, s provider.Store) {
	ctx := t.Context()
	want := code("sig")
	check(t, saveCode(ctx, s, want))
	got, err := s.Code(ctx, "sig")
	check(t, err)
	if got.Family != want.Family || got.Used || !got.Expires.Equal(want.Expires) || string(got.Data) != "{}" {
		t.Errorf("read %+v, saved %+v", got, want)
	}
	check(t, s.Exchange(ctx, "sig", pair(want.Family, "1")))
	if got, err := s.Code(ctx, "sig"); err != nil || !got.Used {
		t.Errorf("after its exchange the code is %+v, %v", got, err)
	}
	sibling := code("sibling")
	sibling.Family = want.Family
	wantErr(t, "second code of a family", saveCode(ctx, s, sibling), store.ErrConflict)
	stray := code("stray")
	stray.Client = "gone"
	wantErr(t, "code of a client that is gone", s.SaveCode(ctx, stray, client.Client{ID: "gone", Registration: "gone"}), client.ErrChanged)
	registered, err := s.Client(ctx, Client)
	check(t, err)
	older, another := registered, registered
	older.Updated, another.Registration = registered.Updated.Add(-time.Second), "another"
	for name, of := range map[string]client.Client{"as it was before a change": older, "as it was registered before": another} {
		wantErr(t, "code of the client "+name, s.SaveCode(ctx, code("stray"), of), client.ErrChanged)
	}
	alone := code("alone")
	alone.Session, alone.Used, alone.Data = "another", true, nil // an answer that no code was given with
	check(t, s.SaveCode(ctx, alone, registered))
	waiting := code("waiting")
	waiting.Session = "third"
	check(t, s.SaveCode(ctx, waiting, registered))
	for session, ids := range map[string][]string{want.Session: {Client}, "another": {Client}, "third": nil, "none": nil} {
		if got, err := s.SessionClients(ctx, session); err != nil || !slices.Equal(got, ids) {
			t.Errorf("clients of session %s: %q, %v, want %q", session, got, err, ids)
		}
	}
	wantErr(t, "exchange of an answer without a code", s.Exchange(ctx, "alone", nil), store.ErrConflict)
	access, err := s.Token(ctx, accessKey("1"))
	check(t, err)
	if access.Family != want.Family || access.Used || !access.Created.Equal(at) {
		t.Errorf("access token %+v", access)
	}
	_, err = s.Token(ctx, tokens.Key{Kind: tokens.AccessToken, Signature: "refresh 1"})
	wantErr(t, "refresh token asked for as access token", err, store.ErrNotFound)
}

func testAsker(t *testing.T, s provider.Store) {
	exchanged(t, s)
	registered, err := s.Client(t.Context(), Client)
	check(t, err)
	_, err = s.TokenFor(t.Context(), accessKey("1"), registered)
	check(t, err)
	for name, asker := range map[string]client.Client{
		"who is not there": {ID: "gone", Registration: registered.Registration}, "who was there before": {ID: Client, Registration: "another"},
	} {
		_, err := s.TokenFor(t.Context(), accessKey("1"), asker)
		wantErr(t, "token for somebody "+name, err, store.ErrNotFound)
	}
}

func testExchangeOnce(t *testing.T, s provider.Store) {
	check(t, saveCode(t.Context(), s, code("sig")))
	var n sync.Mutex
	i := 0
	won := race(t, func() error {
		n.Lock()
		i++
		mine := pair("family of sig", fmt.Sprint(i))
		n.Unlock()
		return s.Exchange(context.Background(), "sig", mine)
	}, store.ErrConflict)
	if won != 1 {
		t.Errorf("%d exchanges of one code succeeded, want 1", won)
	}
}

func testExchangeRevoked(t *testing.T, s provider.Store) {
	ctx := t.Context()
	check(t, saveCode(ctx, s, code("sig")))
	check(t, s.RevokeFamily(ctx, "family of sig"))
	check(t, s.RevokeFamily(ctx, "no such family"))
	wantErr(t, "exchange after the end of the family", s.Exchange(ctx, "sig", pair("family of sig", "1")), store.ErrConflict)
	_, err := s.Token(ctx, accessKey("1"))
	wantErr(t, "token of a family that ended", err, store.ErrNotFound)
	if c, err := s.Code(ctx, "sig"); err != nil || !c.Revoked || c.Used {
		t.Errorf("code of a family that ended: %+v, %v, want it revoked and not used", c, err)
	}
}

func exchanged(t *testing.T, s provider.Store) string {
	t.Helper()
	check(t, saveCode(t.Context(), s, code("sig")))
	check(t, s.Exchange(t.Context(), "sig", pair("family of sig", "1")))
	return "family of sig"
}

func testRotateOnce(t *testing.T, s provider.Store) {
	family := exchanged(t, s)
	var n sync.Mutex
	i := 1
	won := race(t, func() error {
		n.Lock()
		i++
		mine := pair(family, fmt.Sprint(i))
		n.Unlock()
		return s.Rotate(context.Background(), refreshKey(family, "1", 0), []byte("answer"), mine)
	}, store.ErrConflict)
	if won != 1 {
		t.Errorf("%d rotations of one token succeeded, want 1", won)
	}
}

func testRotateReplay(t *testing.T, s provider.Store) {
	ctx := t.Context()
	family := exchanged(t, s)
	for n, answer := range []string{"answer", "another"} {
		made := pair(family, fmt.Sprint(n+2))
		made[0].Created, made[1].Created = at.Add(time.Second), at.Add(time.Second)
		check(t, s.Rotate(ctx, refreshKey(family, fmt.Sprint(n+1), int64(n)), []byte(answer), made))
	}
	for n, answer := range []string{"answer", "another"} {
		old, err := s.Token(ctx, refreshKey(family, fmt.Sprint(n+1), int64(n)))
		check(t, err)
		if string(old.Replay) != answer || !old.Used || !old.UsedAt.Equal(at.Add(time.Second)) || old.Family != family || old.Generation != int64(n) {
			t.Errorf("rotated token %+v", old)
		}
	}
	for _, n := range []string{"1", "2"} {
		_, err := s.Token(ctx, accessKey(n))
		wantErr(t, "access token from before the rotation", err, store.ErrNotFound)
	}
	check(t, s.RevokeAccessToken(ctx, "access 3"))
	if old, err := s.Token(ctx, refreshKey(family, "2", 1)); err != nil || string(old.Replay) != "another" {
		t.Errorf("rotated token whose access token was revoked: %+v, %v", old, err)
	}
	live, err := s.Token(ctx, refreshKey(family, "3", 2))
	if check(t, err); live.Used || live.Generation != 2 {
		t.Errorf("live token %+v", live)
	}
	_, err = s.Token(ctx, refreshKey(family, "4", 3))
	wantErr(t, "refresh token that never was", err, store.ErrNotFound)
}

func testRenew(t *testing.T, s provider.Store) {
	ctx := t.Context()
	family := exchanged(t, s)
	first := refreshKey(family, "1", 0)
	for _, n := range []string{"2", "3"} {
		check(t, s.Renew(ctx, first, at.Add(time.Hour), pair(family, n)[:1]))
	}
	for _, n := range []string{"1", "2", "3"} { // all live side by side
		_, err := s.Token(ctx, accessKey(n))
		check(t, err)
	}
	old, err := s.Token(ctx, first)
	if check(t, err); old.Used || !old.Expires.Equal(at.Add(time.Hour)) {
		t.Errorf("renewed token %+v", old)
	}
	wantErr(t, "renewal of an access token", s.Renew(ctx, accessKey("1"), at, nil), store.ErrConflict)
	check(t, s.Rotate(ctx, first, nil, pair(family, "4")))
	for _, n := range []string{"1", "2", "3"} {
		_, err := s.Token(ctx, accessKey(n))
		wantErr(t, "access token from before the rotation", err, store.ErrNotFound)
	}
	wantErr(t, "renewal after a rotation", s.Renew(ctx, first, at, pair(family, "5")[:1]), store.ErrConflict)
	check(t, s.RevokeFamily(ctx, family))
	wantErr(t, "renewal after the end of the family", s.Renew(ctx, refreshKey(family, "4", 1), at, pair(family, "5")[:1]), store.ErrConflict)
	_, err = s.Token(ctx, accessKey("5"))
	wantErr(t, "token of a renewal that failed", err, store.ErrNotFound)
}

func testRotateRevoked(t *testing.T, s provider.Store) {
	ctx := t.Context()
	family := exchanged(t, s)
	check(t, s.RevokeFamily(ctx, family))
	wantErr(t, "rotation after the end of the family", s.Rotate(ctx, refreshKey(family, "1", 0), nil, pair(family, "2")), store.ErrConflict)
	for n := range 2 {
		_, err := s.Token(ctx, refreshKey(family, fmt.Sprint(n+1), int64(n)))
		wantErr(t, "token of a family that ended", err, store.ErrNotFound)
	}
}

// testUserToken looks at tokens together with whose they are.
func testUserToken(t *testing.T, s provider.Store) {
	ctx := t.Context()
	family := exchanged(t, s)
	users := s.(tokens.UserStore)
	for _, key := range []tokens.Key{accessKey("1"), refreshKey(family, "1", 0)} {
		want, err := s.Token(ctx, key)
		check(t, err)
		got, user, err := users.UserToken(ctx, key)
		check(t, err)
		if !reflect.DeepEqual(got, want) || user.Subject != Subject {
			t.Errorf("%s token with its user is %+v of %q, want %+v", key.Kind, got, user.Subject, want)
		}
	}
	registered, err := s.Client(ctx, Client)
	check(t, err)
	own := pair("family of a client", "own")[0]
	own.Subject, own.Session = "", ""
	check(t, s.SaveClientToken(ctx, own, registered))
	_, _, err = users.UserToken(ctx, accessKey("own"))
	wantErr(t, "token of nobody", err, store.ErrNotFound)
	check(t, s.RevokeFamily(ctx, family))
	_, _, err = users.UserToken(ctx, accessKey("1"))
	wantErr(t, "token of a family that ended", err, store.ErrNotFound)
}

func testRevokeAccessToken(t *testing.T, s provider.Store) {
	ctx := t.Context()
	family := exchanged(t, s)
	check(t, s.RevokeAccessToken(ctx, "refresh 1")) // is no access token
	check(t, s.RevokeAccessToken(ctx, "access 1"))
	check(t, s.RevokeAccessToken(ctx, "access 1"))
	_, err := s.Token(ctx, accessKey("1"))
	wantErr(t, "access token that was revoked", err, store.ErrNotFound)
	check(t, s.Rotate(ctx, refreshKey(family, "1", 0), nil, pair(family, "2")))
	_, err = s.Token(ctx, accessKey("2"))
	check(t, err)
}

func testClientToken(t *testing.T, s provider.Store) {
	ctx := t.Context()
	registered, err := s.Client(ctx, Client)
	check(t, err)
	made := pair("family of a client", "own")[0]
	made.Subject, made.Session = "", ""
	older, another := registered, registered
	older.Updated, another.Registration = registered.Updated.Add(-time.Second), "another"
	for name, of := range map[string]client.Client{"as it was before a change": older, "as it was registered before": another} {
		wantErr(t, "token of the client "+name, s.SaveClientToken(ctx, made, of), client.ErrChanged)
	}
	_, err = s.Token(ctx, accessKey("own"))
	wantErr(t, "token that was refused", err, store.ErrNotFound)
	check(t, s.SaveClientToken(ctx, made, registered))
	got, err := s.TokenFor(ctx, accessKey("own"), registered)
	check(t, err)
	if got.Client != Client || got.Subject != "" || !got.Changed.Equal(registered.Updated) || !got.Expires.Equal(made.Expires) {
		t.Errorf("token %+v", got)
	}
	check(t, s.RevokeAccessToken(ctx, "access own"))
	_, err = s.Token(ctx, accessKey("own"))
	wantErr(t, "token that was revoked", err, store.ErrNotFound)
	made.Family, made.Signature = "another family", "access another"
	check(t, s.SaveClientToken(ctx, made, registered))
	check(t, s.RevokeFamily(ctx, "another family"))
	_, err = s.Token(ctx, accessKey("another"))
	wantErr(t, "token of a family that ended", err, store.ErrNotFound)
}

func testSpendAssertion(t *testing.T, s provider.Store) {
	spend := func() error { return s.SpendAssertion(t.Context(), Client, "jti", at.Add(time.Minute)) }
	if won := race(t, spend, store.ErrConflict); won != 1 {
		t.Errorf("an assertion was taken %d times, want once", won)
	}
	check(t, s.SpendAssertion(t.Context(), Client, "another", at.Add(time.Minute)))
	check(t, s.SpendAssertion(t.Context(), "another client", "jti", at.Add(time.Minute)))
}

func testKeys(t *testing.T, s provider.Store) {
	ctx := t.Context()
	key := func(id, algorithm string, number int64) jwks.SealedKey {
		return jwks.SealedKey{
			ID: id, Algorithm: algorithm, Number: number, Public: []byte(`{"kty":"EC"}`), KeyID: "k", Private: []byte{0, 1},
			Created: at, Signs: at.Add(time.Duration(number) * time.Hour),
		}
	}
	first, second, other := key("first", client.ES256, 1), key("second", client.ES256, 2), key("other", client.RS256, 1)
	check(t, s.AddSigningKey(ctx, first))
	wantErr(t, "second key with a number", s.AddSigningKey(ctx, key("late", client.ES256, 1)), store.ErrConflict)
	check(t, s.AddSigningKey(ctx, second))
	check(t, s.AddSigningKey(ctx, other))
	rows, err := s.SigningKeys(ctx)
	check(t, err)
	if want := []jwks.SealedKey{first, second, other}; !reflect.DeepEqual(rows, want) {
		t.Errorf("keys %+v, want %+v", rows, want)
	}
	check(t, s.DeleteSigningKey(ctx, "first"))
	wantErr(t, "key that is gone", s.DeleteSigningKey(ctx, "first"), store.ErrNotFound)
	if rows, err = s.SigningKeys(ctx); err != nil || !reflect.DeepEqual(rows, []jwks.SealedKey{second, other}) {
		t.Errorf("keys %+v, %v after the first was deleted", rows, err)
	}
}

func testPairwiseKey(t *testing.T, s provider.Store) {
	ctx, want := t.Context(), pairwise.SealedKey{ID: pairwise.KeyID, KeyID: "k", Sealed: []byte{0, 1}, Created: at}
	_, err := s.PairwiseKey(ctx)
	wantErr(t, "before there is one", err, store.ErrNotFound)
	if won := race(t, func() error { return s.AddPairwiseKey(ctx, want) }, store.ErrConflict); won != 1 {
		t.Errorf("%d of many were added, want 1", won)
	}
	if got, err := s.PairwiseKey(ctx); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("the key is %+v, %v; want %+v", got, err, want)
	}
}

func testUseProof(t *testing.T, s provider.Store) {
	ctx, until := t.Context(), at.Add(time.Minute)
	if won := race(t, func() error { return s.UseProof(ctx, "one", until) }, dpop.ErrReplayed); won != 1 {
		t.Errorf("%d uses of one proof, want 1", won)
	}
	check(t, s.UseProof(ctx, "two", until))
	wantErr(t, "a proof again, in a commit", s.Atomic(ctx, func(ctx context.Context) error {
		if err := s.UseProof(ctx, "three", until); err != nil {
			return err
		}
		return s.UseProof(ctx, "two", until)
	}), dpop.ErrReplayed)
	check(t, s.UseProof(ctx, "three", until)) // nothing of that commit is there
}
