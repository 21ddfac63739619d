package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/pquerna/otp/totp"
	"golang.org/x/sync/errgroup"

	"vestibule/cmd/vestibule/sample"
	"vestibule/cmd/vestibule/server"
	"vestibule/config"
	"vestibule/mfa"
	"vestibule/provider"
	"vestibule/provider/account"
	"vestibule/storage"
)

// demo runs a whole server, with users and a sample app, that leaves nothing behind.
func demo(f *flag.FlagSet) action {
	listen := f.String("listen", "127.0.0.1:8080", "loopback `address` for the server")
	app := f.String("sample-listen", "127.0.0.1:8081", "loopback `address` for the sample app")
	return func(ctx context.Context, w *env, _ []string) error {
		d := &demonstration{env: w}
		defer d.close()
		if err := d.prepare(ctx, *listen, *app); err != nil {
			return errors.Join(err, d.close())
		}
		group, inner := errgroup.WithContext(ctx)
		group.Go(func() error { return server.Serve(inner, d.main, d.server.Handler(), d.log) })
		group.Go(func() error { return d.serveAPI(inner) })
		group.Go(func() error { return d.serveSample(inner) })
		err := group.Wait()
		fmt.Fprintln(w.stdout, "Stopped. The users and the database are deleted.")
		return errors.Join(err, d.close())
	}
}

type demonstration struct {
	*env
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
	factor   mfa.PendingView
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
	d.config, d.log = config.Default(), server.NewLogger(d.stderr, "text", "warn")
	d.config.Issuer, d.config.Database = "http://"+d.main.Addr().String(), "sqlite:"+filepath.Join(d.folder, "demo.db")
	d.config.SecretKeys = []string{mfa.NewKey()}
	if err := d.seed(ctx); err != nil {
		return err
	}
	d.server, err = server.New(ctx, d.config, server.Options{Log: d.log})
	return err
}

// listen takes another port if the wanted one is taken, and says so.
func (d *demonstration) listen(address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, &usageError{fmt.Sprintf("%q is not host:port", address)}
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil, &usageError{fmt.Sprintf("the demo is for this machine alone: %q should be a loopback address such as 127.0.0.1:8080", address)}
	}
	l, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		l, err = net.Listen("tcp", net.JoinHostPort(host, "0"))
		if err == nil {
			fmt.Fprintf(d.stdout, "%s is taken by another program, so this is on %s.\n", address, l.Addr())
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
	app := newClient(sampleID, "Sample app", []string{"http://" + d.sample.Addr().String() + sample.CallbackPath}, nil, time.Now())
	d.secret, app.SecretHash = provider.NewClientSecret()
	api := provider.Client{ID: apiID, Name: "Sample API", ResourceServer: true, Created: time.Now(), Updated: time.Now()}
	d.key, api.SecretHash = provider.NewClientSecret()
	for _, c := range []provider.Client{app, api} {
		if err := db.CreateClient(ctx, c); err != nil {
			return err
		}
	}
	if d.plain, err = d.person(ctx, db, "ada", "Ada Example"); err != nil {
		return err
	}
	if d.strong, err = d.person(ctx, db, "grace", "Grace Example"); err != nil {
		return err
	}
	return d.enrol(ctx, db, &d.strong)
}

func (d *demonstration) person(ctx context.Context, db *storage.Store, username, name string) (person, error) {
	user, err := newAccount(username, username+"@example.com", name, time.Now())
	if err != nil {
		return person{}, err
	}
	random := strings.ToLower(rand.Text())
	p := person{Account: user, password: random[:5] + "-" + random[5:10] + "-" + random[10:15]}
	return p, addUser(ctx, db, &account.Hasher{}, user, p.password)
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
		Store: db, Attempts: db, Setups: db, Keys: keys, Issuer: d.config.Name, Atomic: db.Atomic,
		Now: func() time.Time { return time.Now().Add(-time.Minute) },
	}
	if _, err := service.Begin(ctx, p.Subject, owner); err != nil {
		return err
	}
	if p.factor, err = service.Pending(ctx, owner, p.Subject); err != nil {
		return err
	}
	code, err := totp.GenerateCode(p.factor.Secret, service.Now())
	if err != nil {
		return err
	}
	if err := service.Confirm(ctx, p.Subject, owner, code, "Demo"); err != nil {
		return err
	}
	return service.Activate(ctx, p.Subject, owner, nil)
}

func (d *demonstration) serveAPI(ctx context.Context) error {
	api, err := sample.NewAPI(d.config.Issuer, apiID, d.key, d.log)
	if err != nil {
		return fmt.Errorf("sample API: %w", err)
	}
	return server.Serve(ctx, d.api, api, d.log)
}

// serveSample begins when the server answers: the sample app reads its metadata, as any app does.
func (d *demonstration) serveSample(ctx context.Context) error {
	address := "http://" + d.sample.Addr().String()
	app, err := sample.NewApp(ctx, sample.Config{
		Issuer: d.config.Issuer, ClientID: sampleID, ClientSecret: d.secret, Address: address, API: "http://" + d.api.Addr().String(),
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
	fmt.Fprintf(d.stdout, `
Vestibule runs on this machine with made-up users. Ctrl-C stops it and deletes them.

  Open this       %s

  Sign in as      %s
  password        %s
  second factor   none yet

  or as           %s
  password        %s
  second factor   add this to an authenticator app:
                  %s
                  or make codes with:
                  oathtool --totp --base32 %s

  Then press      Transfer 100: the app's API at http://%s wants two steps for that,
                  at most five minutes old, and so the app sends you for what is missing

  Their accounts  %s/account/security
`, address, d.plain.Username, d.plain.password, d.strong.Username, d.strong.password,
		d.strong.factor.URI(d.strong.Label()), d.strong.factor.Secret, d.api.Addr(), d.config.Issuer)
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
