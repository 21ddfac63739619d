package provider

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ory/fosite"

	"vestibule/provider/account"
	"vestibule/provider/assurance"
	"vestibule/provider/audit"
	"vestibule/provider/client"
	"vestibule/provider/clientauth"
	"vestibule/provider/clientjwt"
	"vestibule/provider/device"
	"vestibule/provider/dpop"
	"vestibule/provider/fetch"
	"vestibule/provider/interaction"
	"vestibule/provider/jwks"
	"vestibule/provider/limiter"
	"vestibule/provider/logout"
	"vestibule/provider/pairwise"
	"vestibule/provider/pushed"
	"vestibule/provider/spelling"
	"vestibule/provider/tokens"
)

// Config is what a Provider is made of.
type Config struct {
	// Issuer is an https address, or http on a loopback address, without a slash at its end. All endpoints are below its
	// path, if it has one.
	Issuer   string
	Store    Store
	Accounts account.Accounts // those of another program as account.Elsewhere, lest what is ended here go on
	// OwnAccounts says that Store keeps the Accounts too and that whatever raises the Epoch of one, or disables it, ends in
	// the same commit what rests on that: storage.Store does. Then no use of a code or token asks for the account. False:
	// each is held against the account's Epoch, for whoever raises it there ends nothing here. True: Store is a tokens.UserStore,
	// so that a token comes with its account.
	OwnAccounts bool
	Sealer      interaction.Sealer // seals signing keys, and sign-ins that are not rows yet
	Secrets     [][]byte           // 32 bytes each; the first makes tokens, all of them verify
	Audit       audit.Recorder     // nil: no log is kept
	Levels      assurance.Levels   // the zero value works
	Policy      Policy             // which logins are enough for tokens; nil: ClientPolicy
	BackChannel bool               // a backchannel.Sender tells clients of the ends of sessions, for the metadata
	// FrontChannel says that the pages load the frames of clients when a session ends (see FrontChannelClients), and Devices that
	// they have one at device.Path where users enter the codes of devices. False: no metadata tells clients of them, and there is
	// no endpoint for devices.
	FrontChannel bool
	Devices      bool
	Locales      []string // languages that the pages speak, for the metadata (BCP 47); none: it is silent about them

	// Registration are the endpoints at which clients register themselves; nil: they do not.
	Registration Registration
	// ClientDocuments keep up to date the clients whose ids are addresses of what they register; nil: there are none.
	ClientDocuments ClientDocuments
	// RequirePushedRequests has all clients push their authorization requests (RFC 9126). False: those that want to.
	RequirePushedRequests bool

	SigningAlgorithm string           // for clients that have no wish: one of client.Algorithms; empty: RS256
	DPoP             DPoP             // the zero value works
	MutualTLS        MutualTLS        // the zero value: clients show no certificates
	Lifetimes        Lifetimes        // zero fields have their defaults
	Fetch            fetch.Config     // whom documents of clients may be fetched from; zero: the public Internet
	Log              *slog.Logger     // nil: slog.Default
	Now              func() time.Time // nil: time.Now
}

// Store is all that the provider keeps.
type Store interface {
	client.Store
	clientjwt.Store
	interaction.Store
	tokens.Store
	pushed.Store
	device.Store
	jwks.Store
	pairwise.Store
	dpop.Once
}

// Lifetimes says how long things last.
type Lifetimes struct {
	Interaction   time.Duration // from the request to the answer; 0: 60 min
	PushedRequest time.Duration // from the push until its browser comes; 0: 60 s
	Code          time.Duration // 0: 60 s
	AccessToken   time.Duration // 0: 10 min
	IDToken       time.Duration // 0: 10 min
	RefreshIdle   time.Duration // 0: 14 days
	RefreshTotal  time.Duration // 0: 90 days
	RefreshGrace  time.Duration // a retry with the same refresh token within it, a minute at most, gets the same answer; 0: 10 s; less: none does
	SigningKey    time.Duration // how long a key signs before the next does; 0: 90 days; less: until an operator has it replaced
	KeyAnnounce   time.Duration // how long the next is published before; 0: 2 days; clients keep keys for 5 min, some for a day
	DeviceCode    time.Duration // how long a device waits for its user; 0: 10 min
}

// withDefaults fills in the zero fields.
func (l Lifetimes) withDefaults() Lifetimes {
	const day = 24 * time.Hour
	for _, f := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&l.Interaction, interaction.DefaultLifetime},
		{&l.PushedRequest, time.Minute},
		{&l.Code, time.Minute},
		{&l.AccessToken, 10 * time.Minute},
		{&l.IDToken, 10 * time.Minute},
		{&l.RefreshIdle, 14 * day},
		{&l.RefreshTotal, 90 * day},
		{&l.DeviceCode, 10 * time.Minute},
		{&l.RefreshGrace, 10 * time.Second},
		{&l.SigningKey, 90 * day},
		{&l.KeyAnnounce, 2 * day},
	} {
		if *f.field == 0 {
			*f.field = f.value
		}
	}
	return l
}

// UI is the pages that stand between an authorization request and its answer.
type UI interface {
	// Authorize takes over a validated request. It ends, now or after some pages, in Finish or Refuse.
	// An error is given to Error.
	Authorize(w http.ResponseWriter, r *http.Request, ix *interaction.Interaction) error
	// FormPost shows a page that brings the answer to the client: its form is sent by a script or, without one, by the user.
	// An error is given to Error.
	FormPost(w http.ResponseWriter, r *http.Request, f interaction.FormPost) error
	// EndSession takes over a checked request to sign the user of the browser out (RP-Initiated Logout 1.0): it asks the
	// user where it must, ends the session, and leads to the request's Destination. An error is given to Error.
	EndSession(w http.ResponseWriter, r *http.Request, request *logout.Request) error
	// Error shows an error to the user: an *interaction.RequestError, a *logout.Error, ErrUnavailable, or an internal one.
	Error(w http.ResponseWriter, r *http.Request, err error)
}

// Provider is an OpenID Provider without pages. Its Flows are the authorization requests that pages are about.
type Provider struct {
	issuer        string
	path          string // of the issuer
	store         Store
	accounts      account.Accounts
	ownAccounts   bool
	users         tokens.UserStore // the store, if the accounts are in it; nil: they are elsewhere
	audit         audit.Recorder
	levels        assurance.Levels
	policy        Policy
	locales       []string
	lifetimes     Lifetimes
	algorithm     string
	requirePushed bool
	log           *slog.Logger
	now           func() time.Time
	backChannel   bool
	frontChannel  bool
	devices       bool
	sealer        interaction.Sealer
	registration  Registration
	published     ClientDocuments

	*interaction.Flows
	ui            UI // of Register
	clients       *client.Cache
	keys          *jwks.Keys
	names         *pairwise.Key // of users and sessions, as clients know them
	proofs        *dpop.Checker
	mutualTLS     MutualTLS
	authenticator *clientauth.Authenticator
	tokens        *tokenStrategy
	secrets       *client.SecretChecker
	pushes        pushed.Quota
	codes         device.UserCodes
	pace          device.Pace
	fosite        *fosite.Fosite
	documents     documents // that operators' clients name
	strange       documents // that clients name which have registered themselves
}

// secretsWaiting is how many secrets of clients may wait for a core: one for each client and network that sends any.
const secretsWaiting = 1024

// New returns a Provider. It makes the signing keys that the store lacks, and what pairwise subjects are made with.
func New(ctx context.Context, c Config) (*Provider, error) {
	if err := checkConfig(c); err != nil {
		return nil, err
	}
	p := &Provider{
		issuer: c.Issuer, store: c.Store, accounts: c.Accounts, ownAccounts: c.OwnAccounts, audit: c.Audit, levels: c.Levels, policy: c.Policy, locales: c.Locales,
		lifetimes: c.Lifetimes.withDefaults(), algorithm: c.SigningAlgorithm, requirePushed: c.RequirePushedRequests, backChannel: c.BackChannel, frontChannel: c.FrontChannel, devices: c.Devices, mutualTLS: c.MutualTLS, sealer: c.Sealer, registration: c.Registration, published: c.ClientDocuments, log: c.Log, now: c.Now,
	}
	if c.OwnAccounts {
		p.users = c.Store.(tokens.UserStore) // checkConfig has
	}
	if p.algorithm == "" {
		p.algorithm = client.RS256
	}
	if p.audit == nil {
		p.audit = audit.NopRecorder{}
	}
	if p.policy == nil {
		p.policy = ClientPolicy{p.levels}
	}
	if p.log == nil {
		p.log = slog.Default()
	}
	if p.now == nil {
		p.now = time.Now
	}
	origin, _ := url.Parse(c.Issuer) // checkConfig has
	p.path = origin.Path
	p.Flows = interaction.NewFlows(c.Store, c.Sealer, p.lifetimes.Interaction, p.now)
	p.clients = client.NewCache(c.Store, p.now)
	var err error
	if p.keys, err = p.loadKeys(ctx, c.Sealer); err != nil {
		return nil, fmt.Errorf("signing keys: %w", err)
	}
	if p.names, err = pairwise.Load(ctx, c.Store, c.Sealer, p.now()); err != nil {
		return nil, fmt.Errorf("pairwise subjects: %w", err)
	}
	if p.proofs, err = p.newProofs(c); err != nil {
		return nil, fmt.Errorf("proofs: %w", err)
	}
	p.documents, p.strange = p.newDocuments(c.Fetch), p.newDocuments(c.Fetch.Strange())
	p.secrets = client.NewSecretChecker(&account.Hasher{Limiter: limiter.Limiter{Waiting: secretsWaiting}})
	p.authenticator = p.newAuthenticator(c.MutualTLS)
	p.codes = device.UserCodes{Secrets: c.Secrets}
	p.compose(c.Secrets)
	return p, nil
}

// checkConfig reports every fault at once.
func checkConfig(c Config) error {
	origin, err := url.Parse(c.Issuer)
	if err != nil {
		return fmt.Errorf("issuer: %w", err)
	}
	var faults []error
	for _, rule := range []struct {
		broken bool
		text   string
	}{
		{origin.Scheme != "https" && !(origin.Scheme == "http" && client.IsLoopback(origin.Hostname())), "the issuer must be https, or http on a loopback address"},
		{origin.Host == "" || strings.ContainsAny(c.Issuer, "?#") || origin.User != nil, "the issuer must be a scheme, a host and perhaps a path, and nothing else"},
		{!spelling.IsPathPrefix(origin.EscapedPath()), "the path of the issuer must be like /id, of letters, digits, hyphens and underscores, without a slash at the end"},
		{c.Store == nil || c.Accounts == nil || c.Sealer == nil, "Store, Accounts and Sealer must be set"},
		{c.OwnAccounts && !keepsUsers(c.Store), "with OwnAccounts Store must be a tokens.UserStore"},
		{len(c.Secrets) == 0, "Secrets must not be empty"},
		{!within(c.DPoP.Algorithms, dpop.Algorithms), "DPoP.Algorithms must be some of " + strings.Join(dpop.Algorithms, ", ")},
		{c.SigningAlgorithm != "" && !slices.Contains(client.Algorithms, c.SigningAlgorithm), "SigningAlgorithm must be one of " + strings.Join(client.Algorithms, ", ")},
	} {
		if rule.broken {
			faults = append(faults, errors.New(rule.text))
		}
	}
	if err := assurance.CheckACRNames(c.Levels.Names); err != nil {
		faults = append(faults, fmt.Errorf("levels: %w", err))
	}
	for _, secret := range c.Secrets {
		if len(secret) != 32 {
			faults = append(faults, errors.New("each of Secrets must have 32 bytes"))
		}
	}
	return errors.Join(faults...)
}

func keepsUsers(s Store) bool {
	_, ok := s.(tokens.UserStore)
	return ok
}

// Client returns a relying party as it was a few seconds ago at most, or ErrNotFound.
func (p *Provider) Client(ctx context.Context, id string) (client.Client, error) {
	return p.clients.Client(ctx, id)
}

// Issuer is the issuer identifier, without a slash at the end.
func (p *Provider) Issuer() string { return p.issuer }

// ReloadKeys reads the signing keys again, and makes what is due. It is to be called every few seconds: a new key may sign
// ten seconds after it was made, when every process should publish it.
func (p *Provider) ReloadKeys(ctx context.Context) error { return p.keys.Reload(ctx) }

func (p *Provider) loadKeys(ctx context.Context, sealer jwks.Sealer) (*jwks.Keys, error) {
	return jwks.Load(ctx, jwks.Config{
		Store: recordedKeys{p.store, audit.Journal{Recorder: p.audit, Atomic: p.store.Atomic}}, Sealer: sealer,
		Schedule: jwks.Schedule{Lifetime: p.lifetimes.SigningKey, Announce: p.lifetimes.KeyAnnounce}, Now: p.now, Log: p.log,
	})
}

// recordedKeys records each key that a server makes by itself.
type recordedKeys struct {
	jwks.Store
	journal audit.Journal
}

// AddSigningKey implements jwks.Store.
func (k recordedKeys) AddSigningKey(ctx context.Context, key jwks.SealedKey) error {
	e := audit.Event{Kind: audit.EventSigningKeyMade, Outcome: audit.OutcomeOK, Actor: "system", Detail: key.Detail()}
	return k.journal.RecordWith(ctx, []audit.Event{e}, func(ctx context.Context) error { return k.Store.AddSigningKey(ctx, key) })
}
