package providertest

import (
	"cmp"
	"context"
	"crypto/rand"
	"slices"
	"sync"
	"time"

	"vestibule/provider/account"
	"vestibule/provider/client"
	"vestibule/provider/device"
	"vestibule/provider/dpop"
	"vestibule/provider/interaction"
	"vestibule/provider/jwks"
	"vestibule/provider/pairwise"
	"vestibule/provider/pushed"
	"vestibule/provider/store"
	"vestibule/provider/tokens"
)

// Memory is a provider.Store and provider.AccountStore of maps, for tests. Its zero value is not ready; use New.
type Memory struct {
	mu           sync.Mutex
	clients      map[string]client.Client
	interactions map[string]interaction.Interaction
	pushed       map[string]pushed.Request
	codes        map[string]tokens.Code
	revoked      map[string]bool   // families that ended
	made         map[string]string // family to the registration of its client
	tokens       map[[2]string]tokens.Token
	devices      map[string]device.Request
	proofs       map[string]bool // that were used
	keys         []jwks.SealedKey
	pairwise     pairwise.SealedKey
	assertions   map[[2]string]bool // client and id of those that were used
	accounts     map[string]account.Account
	hashes       map[string]string
	lost         error // what the next exchange or refresh answers
	done         bool  // and it was, in a commit that fails by that
	down         error
}

// New returns an empty Memory.
func New() *Memory {
	return &Memory{
		clients: map[string]client.Client{}, interactions: map[string]interaction.Interaction{}, pushed: map[string]pushed.Request{},
		codes: map[string]tokens.Code{}, revoked: map[string]bool{}, made: map[string]string{}, tokens: map[[2]string]tokens.Token{},
		devices: map[string]device.Request{}, assertions: map[[2]string]bool{}, proofs: map[string]bool{}, accounts: map[string]account.Account{}, hashes: map[string]string{},
	}
}

// Fail makes every method fail with err, until Fail(nil): a database that is down.
func (m *Memory) Fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.down = err
}

// Lose makes the next exchange or refresh that is done answer with err all the same, as when a connection is lost.
func (m *Memory) Lose(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lost = err
}

// lose returns what Lose has said, once. It is called with mu held.
func (m *Memory) lose() error {
	err := m.lost
	m.lost, m.done = nil, err != nil
	return err
}

// AddClient registers a client, or changes the one that has its id.
func (m *Memory) AddClient(c client.Client) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c.Registration == "" {
		c.Registration = cmp.Or(m.clients[c.ID].Registration, rand.Text())
	}
	m.clients[c.ID] = c
}

// AddAccount registers a user with a password hash.
func (m *Memory) AddAccount(a account.Account, hash string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.accounts[a.Subject], m.hashes[a.Subject] = a, hash
}

// Atomic implements provider.Store. A failure half-way takes back what was written.
func (m *Memory) Atomic(ctx context.Context, fn func(ctx context.Context) error) error {
	if ctx.Value(insideKey{}) != nil {
		return fn(ctx)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down != nil {
		return m.down
	}
	before := m.copy()
	err := fn(context.WithValue(ctx, insideKey{}, true))
	if err != nil && !m.done {
		m.restore(before)
	}
	m.done = false
	return err
}

type insideKey struct{}

// enter takes the lock unless an Atomic around holds it.
func (m *Memory) enter(ctx context.Context) (leave func(), err error) {
	leave = func() {}
	if ctx.Value(insideKey{}) == nil {
		m.mu.Lock()
		leave = m.mu.Unlock
	}
	if m.down != nil {
		leave()
		return nil, m.down
	}
	return leave, nil
}

func cloneMap[K comparable, V any](m map[K]V) map[K]V {
	c := make(map[K]V, len(m))
	for k, v := range m {
		c[k] = v
	}
	return c
}

func (m *Memory) copy() *Memory {
	return &Memory{interactions: cloneMap(m.interactions), pushed: cloneMap(m.pushed), codes: cloneMap(m.codes), revoked: cloneMap(m.revoked), made: cloneMap(m.made),
		tokens: cloneMap(m.tokens), devices: cloneMap(m.devices), assertions: cloneMap(m.assertions), proofs: cloneMap(m.proofs), keys: slices.Clone(m.keys), pairwise: m.pairwise, hashes: cloneMap(m.hashes)}
}

func (m *Memory) restore(b *Memory) {
	m.interactions, m.codes, m.revoked, m.made = b.interactions, b.codes, b.revoked, b.made
	m.pairwise = b.pairwise
	m.tokens, m.devices, m.keys, m.hashes, m.pushed, m.proofs, m.assertions = b.tokens, b.devices, b.keys, b.hashes, b.pushed, b.proofs, b.assertions
}

// Client implements client.Store.
func (m *Memory) Client(ctx context.Context, id string) (client.Client, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return client.Client{}, err
	}
	defer leave()
	return found(m.clients, id)
}

// ClientOf implements client.Store.
func (m *Memory) ClientOf(ctx context.Context, resource string) (client.Client, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return client.Client{}, err
	}
	defer leave()
	for _, c := range m.clients {
		if slices.Contains(c.ResourceURIs, resource) {
			return c, nil
		}
	}
	return client.Client{}, store.ErrNotFound
}

func found[K comparable, V any](m map[K]V, k K) (V, error) {
	v, ok := m[k]
	if !ok {
		return v, store.ErrNotFound
	}
	return v, nil
}

// SpendAssertion implements clientjwt.Store.
func (m *Memory) SpendAssertion(ctx context.Context, client, id string, _ time.Time) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if m.assertions[[2]string{client, id}] {
		return store.ErrConflict
	}
	m.assertions[[2]string{client, id}] = true
	return nil
}

// Interaction implements interaction.Store.
func (m *Memory) Interaction(ctx context.Context, id string) (*interaction.Interaction, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	ix, err := found(m.interactions, id)
	if err != nil {
		return nil, err
	}
	ix.Login = ix.Login.Clone()
	return &ix, nil
}

// SaveInteraction implements interaction.Store.
func (m *Memory) SaveInteraction(ctx context.Context, ix *interaction.Interaction) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if m.interactions[ix.ID].Version != ix.Version {
		return store.ErrConflict
	}
	ix.Version++
	row := *ix
	row.Login = ix.Login.Clone()
	m.interactions[ix.ID] = row
	return nil
}

// DeleteInteraction implements interaction.Store.
func (m *Memory) DeleteInteraction(ctx context.Context, id string, version int64) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if row, ok := m.interactions[id]; !ok || row.Version != version {
		return store.ErrConflict
	}
	delete(m.interactions, id)
	return nil
}

// PushRequest implements pushed.Store.
func (m *Memory) PushRequest(ctx context.Context, r pushed.Request) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if _, twice := m.pushed[r.Signature]; twice {
		return store.ErrConflict
	}
	m.pushed[r.Signature] = r
	return nil
}

// TakeRequest implements pushed.Store.
func (m *Memory) TakeRequest(ctx context.Context, signature string, of client.Client, now time.Time) ([]byte, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	r, ok := m.pushed[signature]
	if !ok || r.Client != of.ID || r.Registration != of.Registration || !now.Before(r.Expires) {
		return nil, store.ErrNotFound
	}
	delete(m.pushed, signature)
	return r.Data, nil
}

// SaveCode implements tokens.Store.
func (m *Memory) SaveCode(ctx context.Context, code tokens.Code, of client.Client) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	now, known := m.clients[code.Client]
	_, twice := m.codes[code.Signature]
	for _, old := range m.codes {
		twice = twice || old.Family == code.Family
	}
	switch {
	case !known || now.Registration != of.Registration || !now.Updated.Equal(of.Updated):
		return client.ErrChanged
	case twice:
		return store.ErrConflict
	}
	m.codes[code.Signature], m.made[code.Family] = code, of.Registration
	return nil
}

// SaveClientToken implements tokens.Store.
func (m *Memory) SaveClientToken(ctx context.Context, made tokens.Token, of client.Client) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if now, known := m.clients[made.Client]; !known || now.Registration != of.Registration || !now.Updated.Equal(of.Updated) {
		return client.ErrChanged
	}
	m.made[made.Family] = of.Registration
	m.insert([]tokens.Token{made})
	return m.lose()
}

// SessionClients implements tokens.Store.
func (m *Memory) SessionClients(ctx context.Context, session string) ([]string, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	var ids []string
	for _, code := range m.codes {
		if code.Session == session && code.Used && m.registered(code.Family, code.Client) {
			ids = append(ids, code.Client)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// Code implements tokens.Store.
func (m *Memory) Code(ctx context.Context, signature string) (tokens.Code, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return tokens.Code{}, err
	}
	defer leave()
	code, err := found(m.codes, signature)
	if err == nil && !m.registered(code.Family, code.Client) {
		return tokens.Code{}, store.ErrNotFound
	}
	code.Changed = m.clients[code.Client].Updated
	return code, err
}

// registered reports whether the client still is the one that the family was made for.
func (m *Memory) registered(family, client string) bool {
	now, ok := m.clients[client]
	return ok && now.Registration == m.made[family]
}

// Exchange implements tokens.Store.
func (m *Memory) Exchange(ctx context.Context, signature string, made []tokens.Token) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	code, ok := m.codes[signature]
	if !ok || code.Used || code.Revoked || !m.registered(code.Family, code.Client) {
		return store.ErrConflict
	}
	code.Used = true
	m.codes[signature] = code
	m.insert(made)
	return m.lose()
}

func (m *Memory) insert(made []tokens.Token) {
	for _, token := range made {
		m.tokens[[2]string{token.Kind, token.Signature}] = token
	}
}

// UseProof implements dpop.Once.
func (m *Memory) UseProof(ctx context.Context, id string, _ time.Time) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if m.proofs[id] {
		return dpop.ErrReplayed
	}
	m.proofs[id] = true
	return nil
}

// Token implements tokens.Store.
func (m *Memory) Token(ctx context.Context, key tokens.Key) (tokens.Token, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return tokens.Token{}, err
	}
	defer leave()
	token, err := found(m.tokens, [2]string{key.Kind, key.Signature})
	if err == nil && !m.registered(token.Family, token.Client) {
		return tokens.Token{}, store.ErrNotFound
	}
	token.Changed = m.clients[token.Client].Updated
	return token, err
}

// TokenFor implements tokens.Store.
func (m *Memory) TokenFor(ctx context.Context, key tokens.Key, asker client.Client) (tokens.Token, error) {
	now, err := m.Client(ctx, asker.ID)
	if err != nil || now.Registration != asker.Registration {
		return tokens.Token{}, cmp.Or(err, store.ErrNotFound)
	}
	return m.Token(ctx, key)
}

// UserToken implements tokens.UserStore.
func (m *Memory) UserToken(ctx context.Context, key tokens.Key) (token tokens.Token, user account.Account, err error) {
	if token, err = m.Token(ctx, key); err == nil {
		user, err = m.Account(ctx, token.Subject)
	}
	return token, user, err
}

// Rotate implements tokens.Store.
func (m *Memory) Rotate(ctx context.Context, used tokens.Key, replay []byte, made []tokens.Token) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	key, old, err := m.unused(used)
	if err != nil {
		return err
	}
	for k, token := range m.tokens {
		if token.Family == old.Family && token.Kind == tokens.AccessToken {
			delete(m.tokens, k)
		}
	}
	old.Used, old.UsedAt, old.Replay = true, made[0].Created, replay
	m.tokens[key] = old
	for i := range made {
		if made[i].Kind == tokens.RefreshToken {
			made[i].Generation = used.Generation + 1
		}
	}
	m.insert(made)
	return m.lose()
}

// unused returns a refresh token that is good to be used, and where it is; store.ErrConflict if it is not.
func (m *Memory) unused(k tokens.Key) ([2]string, tokens.Token, error) {
	key := [2]string{tokens.RefreshToken, k.Signature}
	old, ok := m.tokens[key]
	if !ok || old.Used || m.revoked[old.Family] || !m.registered(old.Family, old.Client) {
		return key, old, store.ErrConflict
	}
	return key, old, nil
}

// Renew implements tokens.Store.
func (m *Memory) Renew(ctx context.Context, of tokens.Key, expires time.Time, made []tokens.Token) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	key, old, err := m.unused(of)
	if err != nil {
		return err
	}
	old.Expires = expires
	m.tokens[key] = old
	m.insert(made)
	return m.lose()
}

// RevokeFamily implements tokens.Store.
func (m *Memory) RevokeFamily(ctx context.Context, family string) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	m.revoked[family] = true
	for k, token := range m.tokens {
		if token.Family == family {
			delete(m.tokens, k)
		}
	}
	for k, code := range m.codes {
		if code.Family == family {
			code.Revoked = true
			m.codes[k] = code
		}
	}
	return nil
}

// RevokeAccessToken implements tokens.Store.
func (m *Memory) RevokeAccessToken(ctx context.Context, signature string) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	delete(m.tokens, [2]string{tokens.AccessToken, signature})
	return nil
}

// SigningKeys implements jwks.Store.
func (m *Memory) SigningKeys(ctx context.Context) ([]jwks.SealedKey, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	return slices.Clone(m.keys), nil
}

// AddSigningKey implements jwks.Store.
func (m *Memory) AddSigningKey(ctx context.Context, key jwks.SealedKey) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	for _, old := range m.keys {
		if old.Algorithm == key.Algorithm && old.Number == key.Number {
			return store.ErrConflict
		}
	}
	m.keys = append(m.keys, key)
	return nil
}

// DeleteSigningKey implements jwks.Store.
func (m *Memory) DeleteSigningKey(ctx context.Context, id string) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	i := slices.IndexFunc(m.keys, func(k jwks.SealedKey) bool { return k.ID == id })
	if i < 0 {
		return store.ErrNotFound
	}
	m.keys = slices.Delete(m.keys, i, i+1)
	return nil
}

// PairwiseKey implements pairwise.Store.
func (m *Memory) PairwiseKey(ctx context.Context) (pairwise.SealedKey, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return pairwise.SealedKey{}, err
	}
	defer leave()
	if m.pairwise.ID == "" {
		return pairwise.SealedKey{}, store.ErrNotFound
	}
	return m.pairwise, nil
}

// AddPairwiseKey implements pairwise.Store.
func (m *Memory) AddPairwiseKey(ctx context.Context, k pairwise.SealedKey) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if m.pairwise.ID != "" {
		return store.ErrConflict
	}
	m.pairwise = k
	return nil
}

// Account implements provider.AccountStore.
func (m *Memory) Account(ctx context.Context, subject string) (account.Account, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return account.Account{}, err
	}
	defer leave()
	return found(m.accounts, subject)
}

// AccountByName implements provider.AccountStore.
func (m *Memory) AccountByName(ctx context.Context, name string) (account.Account, string, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return account.Account{}, "", err
	}
	defer leave()
	for subject, user := range m.accounts {
		address, err := account.CanonicalName(user.Email)
		if user.Username == name || err == nil && address == name {
			return user, m.hashes[subject], nil
		}
	}
	return account.Account{}, "", store.ErrNotFound
}

// SetPasswordHash implements provider.AccountStore.
func (m *Memory) SetPasswordHash(ctx context.Context, subject, old, new string) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if m.hashes[subject] != old {
		return store.ErrConflict
	}
	m.hashes[subject] = new
	return nil
}

// SetPassword implements provider.AccountStore.
func (m *Memory) SetPassword(ctx context.Context, subject, hash string, at time.Time) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	user, err := found(m.accounts, subject)
	if err != nil {
		return err
	}
	user.PasswordSet, user.Updated = at, at
	m.accounts[subject], m.hashes[subject] = user, hash
	return nil
}

// NoteSignIn implements provider.AccountStore.
func (m *Memory) NoteSignIn(ctx context.Context, subject string, epoch int64, at time.Time) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	user, err := m.admitted(subject, epoch)
	if err != nil {
		return err
	}
	if user.SignedIn.Before(at) {
		user.SignedIn = at
		m.accounts[subject] = user
	}
	return nil
}

// RequireAccount implements provider.AccountStore.
func (m *Memory) RequireAccount(ctx context.Context, subject string, epoch int64) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	_, err = m.admitted(subject, epoch)
	return err
}

// admitted returns the account if it still lets its user in, in that epoch.
func (m *Memory) admitted(subject string, epoch int64) (account.Account, error) {
	user, ok := m.accounts[subject]
	if !ok || user.Disabled || user.Epoch != epoch {
		return account.Account{}, account.ErrPassword
	}
	return user, nil
}
