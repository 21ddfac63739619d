// Package demo runs a whole server on this machine, with made-up users and a sample app, that leaves nothing behind.
package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v3"
	"golang.org/x/sync/errgroup"

	"vestibule/cmd/vestibule/heap"
	"vestibule/cmd/vestibule/sample"
	"vestibule/cmd/vestibule/server"
	"vestibule/cmd/vestibule/terminal"
	"vestibule/config"
	"vestibule/mfa"
	"vestibule/mfa/totp"
	"vestibule/provider/account"
	"vestibule/provider/client"
	"vestibule/provider/operator"
	"vestibule/storage"
	"vestibule/web/catalogue"
)

// Command is the command of the demo, which runs until its context ends. It says at t what there is to try. The operations
// are those of whoever runs commands, on the store that they are given.
func Command(t *terminal.Terminal, operations func(*storage.Store) *operator.Operator) *cli.Command {
	return &cli.Command{
		Name: "demo", Usage: "try everything on this machine, with made-up users and a sample app",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "listen", Value: "127.0.0.1:8080", Usage: "loopback `address` for the server"},
			&cli.StringFlag{Name: "sample-listen", Value: "127.0.0.1:8081", Usage: "loopback `address` for the sample app"},
		},
		Action: func(ctx context.Context, c *cli.Command) error {
			_, stop := heap.Grow()
			defer stop()
			d := &demonstration{Terminal: t, operations: operations}
			defer d.close()
			if err := d.prepare(ctx, c.String("listen"), c.String("sample-listen")); err != nil {
				return errors.Join(err, d.close())
			}
			group, inner := errgroup.WithContext(ctx)
			group.Go(func() error { return server.Serve(inner, d.main, d.server.Handler(), d.log) })
			group.Go(func() error { return d.server.Work(inner) })
			group.Go(func() error { return d.serveAPI(inner) })
			group.Go(func() error { return d.serveSample(inner) })
			err := group.Wait()
			return errors.Join(err, t.Tell(t.Stdout, "command.demo.stopped", nil), d.close())
		},
	}
}

type demonstration struct {
	*terminal.Terminal
	operations func(*storage.Store) *operator.Operator

	folder string
	main   net.Listener
	sample net.Listener
	api    net.Listener
	server *server.Server
	log    *slog.Logger
	config config.Config
	secret string // of the sample app
	key    string // of its API: the secret to introspect with
	plain  person // has a password only
	strong person // has an authenticator too
}

type person struct {
	account.Account
	password string
	factor   totp.Offer
}

const (
	sampleID = "sample"
	apiID    = "sample-api"
)

// prepare makes all that the demonstration is going to show.
func (d *demonstration) prepare(ctx context.Context, listen, app string) (err error) {
	if d.main, err = d.listen(listen); err != nil {
		return err
	}
	if d.sample, err = d.listen(app); err != nil {
		return err
	}
	if d.api, err = d.listen("127.0.0.1:0"); err != nil { // nobody types this address
		return err
	}
	if d.folder, err = os.MkdirTemp("", "vestibule-demo-"); err != nil {
		return err
	}
	d.config, d.log = config.Default(), server.NewLogger(d.Stderr, "text", "warn")
	d.config.Issuer, d.config.Database = "http://"+localName(d.main.Addr()), "sqlite:"+filepath.Join(d.folder, "demo.db")
	d.config.SecretKeys = []string{mfa.NewKey()}
	if err := d.seed(ctx); err != nil {
		return err
	}
	d.server, err = server.New(ctx, d.config, server.Options{Log: d.log})
	return err
}

// localName is an address with the name that this machine has for itself: browsers keep passkeys for names alone.
func localName(a net.Addr) string {
	host, port, err := net.SplitHostPort(a.String())
	if err != nil || host != "127.0.0.1" && host != "::1" {
		return a.String()
	}
	return net.JoinHostPort("localhost", port)
}

// listen takes another port if the wanted one is taken, and says so.
func (d *demonstration) listen(address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, terminal.UsageError(fmt.Sprintf("%q is not host:port", address))
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil, terminal.UsageError(fmt.Sprintf("the demo is for this machine alone: %q should be a loopback address such as 127.0.0.1:8080", address))
	}
	l, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		l, err = net.Listen("tcp", net.JoinHostPort(host, "0"))
		if err == nil {
			d.Tell(d.Stdout, "command.demo.taken", catalogue.Values{"wanted": address, "address": l.Addr().String()})
		}
	}
	return l, err
}

// seed makes the database, with the clients and the users.
func (d *demonstration) seed(ctx context.Context) error {
	db, err := server.OpenDatabase(ctx, storage.Open, d.config.Database)
	if err != nil {
		return err
	}
	return errors.Join(d.addAll(ctx, db), db.Close())
}

func (d *demonstration) addAll(ctx context.Context, db *storage.Store) (err error) {
	o := d.operations(db)
	address := "http://" + d.sample.Addr().String()
	app := client.Client{
		ID: sampleID, Name: "Sample app", RedirectURIs: []string{address + sample.CallbackPath},
		PostLogoutRedirectURIs: []string{address + sample.SignedOutPath}, Audiences: []string{d.apiAddress()},
		BackchannelLogoutURI: address + sample.BackChannelPath, BackchannelLogoutSessionRequired: true,
	}
	if _, d.secret, err = o.RegisterClient(ctx, operator.NewClient{Client: app}); err != nil {
		return err
	}
	api := client.Client{ID: apiID, Name: "Sample API", ResourceServer: true, ResourceURIs: []string{d.apiAddress()}}
	if _, d.key, err = o.RegisterClient(ctx, operator.NewClient{Client: api}); err != nil {
		return err
	}
	if d.plain, err = newPerson(ctx, o, "ada", "Ada Example"); err != nil {
		return err
	}
	if d.strong, err = newPerson(ctx, o, "grace", "Grace Example"); err != nil {
		return err
	}
	return d.enrol(ctx, db, &d.strong)
}

func newPerson(ctx context.Context, o *operator.Operator, username, name string) (person, error) {
	random := strings.ToLower(rand.Text())
	password := random[:5] + "-" + random[5:10] + "-" + random[10:15]
	user, err := o.CreateUser(ctx, operator.NewUser{Username: username, Email: username + "@example.com", Name: name}, password)
	return person{Account: user, password: password}, err
}

// enrol goes the way that the pages go. It does so a minute ago: the code that confirms is spent, and whoever
// tries the demo wants to use the present one.
func (d *demonstration) enrol(ctx context.Context, db *storage.Store, p *person) error {
	const owner = "demo"
	keys, err := mfa.ParseKeyring(d.config.SecretKeys)
	if err != nil {
		return err
	}
	service := &mfa.Service{
		Store: db, Attempts: db, Setups: db, Keys: keys, Kinds: server.Kinds(d.config), Atomic: db.Atomic,
		Now: func() time.Time { return time.Now().Add(-time.Minute) },
	}
	if _, err := service.Begin(ctx, p.Subject, owner, totp.Name); err != nil {
		return err
	}
	pending, err := service.Pending(ctx, owner, p.Subject)
	if err != nil {
		return err
	}
	p.factor = pending.Offer.(totp.Offer)
	code, err := p.factor.Code(service.Now())
	if err != nil {
		return err
	}
	if err := service.Confirm(ctx, p.Subject, owner, totp.Form(code), "Demo"); err != nil {
		return err
	}
	return service.Activate(ctx, p.Subject, owner, nil)
}

func (d *demonstration) serveAPI(ctx context.Context) error {
	api, err := sample.NewAPI(sample.APIConfig{Issuer: d.config.Issuer, ClientID: apiID, ClientSecret: d.key, Address: d.apiAddress(), Log: d.log})
	if err != nil {
		return fmt.Errorf("sample API: %w", err)
	}
	return server.Serve(ctx, d.api, api, d.log)
}

// apiAddress is also what the API is known by.
func (d *demonstration) apiAddress() string { return "http://" + d.api.Addr().String() }

// serveSample begins when the server answers: the sample app reads its metadata, as any app does.
func (d *demonstration) serveSample(ctx context.Context) error {
	address := "http://" + d.sample.Addr().String()
	app, err := sample.NewApp(ctx, sample.Config{
		Issuer: d.config.Issuer, ClientID: sampleID, ClientSecret: d.secret, Address: address, API: d.apiAddress(),
	})
	switch {
	case ctx.Err() != nil:
		return nil
	case err != nil:
		return fmt.Errorf("sample app: %w", err)
	}
	d.welcome(address)
	return server.Serve(ctx, d.sample, app, d.log)
}

func (d *demonstration) welcome(address string) {
	fmt.Fprintln(d.Stdout)
	d.Tell(d.Stdout, "command.demo.welcome", catalogue.Values{
		"page": address, "first": d.plain.Username, "password": d.plain.password, "second": d.strong.Username, "another": d.strong.password,
		"uri": d.strong.factor.URI(d.strong.Label()), "secret": d.strong.factor.Secret, "api": d.api.Addr().String(), "issuer": d.config.Issuer,
	})
}

// close may be called twice.
func (d *demonstration) close() error {
	var all []error
	for _, l := range []net.Listener{d.main, d.sample, d.api} {
		if l != nil {
			l.Close() // it is closed already after a run
		}
	}
	if d.server != nil {
		all = append(all, d.server.Close())
		d.server = nil
	}
	if d.folder != "" {
		all = append(all, os.RemoveAll(d.folder))
		d.folder = ""
	}
	return errors.Join(all...)
}
