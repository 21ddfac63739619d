package demo

import (
	"bufio"
	"context"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"vestibule/cmd/vestibule/server"
	"vestibule/cmd/vestibule/servertest"
	"vestibule/cmd/vestibule/terminal"
	"vestibule/mfa"
	mfatotp "vestibule/mfa/totp"
	"vestibule/provider/audit"
	"vestibule/provider/operator"
	"vestibule/storage"
)

// operations are those of whoever runs the demo.
func operations(db *storage.Store) *operator.Operator {
	return operator.New(db, &audit.Log{Store: db, Now: time.Now, Actor: "test"}, "test")
}

// startDemo runs the demo on free ports and returns what it says before it waits. The returned function stops
// it, as Ctrl-C does, and gives what run returned.
func startDemo(t *testing.T, args ...string) (text string, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	read, write := io.Pipe()
	ended := make(chan error, 1)
	w := &terminal.Terminal{Stdin: strings.NewReader(""), Stdout: write, Stderr: t.Output()}
	go func() {
		err := w.Program("test", Command(w, operations)).Run(ctx, append([]string{"vestibule", "demo"}, args...))
		write.CloseWithError(io.EOF)
		ended <- err
	}()
	lines := bufio.NewScanner(read)
	for lines.Scan() {
		text += lines.Text() + "\n"
		if strings.Contains(lines.Text(), "/account/security") {
			break
		}
	}
	go io.Copy(io.Discard, read) // the last words
	return text, func() error {
		cancel()
		return <-ended
	}
}

func TestDemo(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("TMPDIR", folder)
	taken := servertest.Listener(t).Addr().String()
	text, stop := startDemo(t, "--listen", taken, "--sample-listen", "127.0.0.1:0")
	for _, want := range []string{
		taken + " is taken by another program, so this is on 127.0.0.1:",
		"otpauth://totp/Vestibule:grace%40example.com?",
		"oathtool --totp --base32 ",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the demo does not say %q:\n%s", want, text)
		}
	}
	address := found(t, text, `Open this +(http://\S+)`)
	page := servertest.Elsewhere(t, address).NewBrowser(t).Open(address).At("sample", "signed-out").Body
	for _, want := range []string{">Sign in<", ">Sign in and require two steps<", ">Sign in again<"} {
		if !strings.Contains(page, want) {
			t.Errorf("the sample app does not show %q:\n%s", want, page)
		}
	}
	if err := stop(); err != nil {
		t.Errorf("the demo ended with %v", err)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("the demo left %v behind (%v)", left, err)
	}
}

func found(t testing.TB, text, pattern string) string {
	t.Helper()
	match := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if match == nil {
		t.Fatalf("no %s in:\n%s", pattern, text)
	}
	return match[1]
}

// Whoever does what the demo says comes out at the sample app with two steps, by way of the pages.
func TestDemoSignIn(t *testing.T) {
	t.Parallel()
	text, stop := startDemo(t, "--listen", "127.0.0.1:0", "--sample-listen", "127.0.0.1:0")
	s := servertest.Elsewhere(t, found(t, text, `(http://\S+)/account/security`))
	b := s.NewBrowser(t)
	cross := func(p *servertest.Page) *servertest.Page { // the app and the server are two sites
		for p.Left != nil {
			p = b.Open(p.Left.String())
		}
		return p
	}
	code, err := totp.GenerateCode(found(t, text, `--base32 (\S+)`), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	p := cross(b.Open(found(t, text, `Open this +(\S+)`)).At("sample", "signed-out").Click("Sign in and require two steps"))
	p = p.At("login", "initial").Press("Sign in", "username", "grace", "password", found(t, text, `grace\s+password +(\S+)`))
	p = p.At("totp", "initial").Press("Continue", "code", code)
	p = cross(p.At("consent", "initial").Press("Allow")).At("sample", "signed-in")
	p.Says(`["pwd","otp","mfa"]`).Says(`"aal2"`)
	// The session answers for the user now, unless the app wants it all again.
	p = cross(p.Click("Sign in")).At("sample", "signed-in").Says(`["pwd","otp","mfa"]`)
	out := cross(p.Press("Sign out")).At("sample", "signed-out").Says("You are signed out, of this app and of Vestibule.")
	out.Reload().At("sample", "signed-out")
	b.Open(s.Config.Issuer+"/account/security").At("login", "initial")
	p = cross(out.Click("Sign in")).At("login", "initial") // the session is over there too
	p = p.Press("Sign in", "username", "ada", "password", found(t, text, `ada\s+password +(\S+)`))
	p = cross(p.At("consent", "initial").Press("Allow", "remember", "on")).At("sample", "signed-in")
	// A sign-out at the server reaches the app without its browser.
	app := p.Address.String()
	b.Open(s.Config.Issuer + "/logout").Press("Sign out")
	for tries := 0; b.Open(app).State == "signed-in"; tries++ {
		if tries == 200 {
			t.Fatal("the app does not hear of the sign-out")
		}
		time.Sleep(50 * time.Millisecond)
	}
	p = cross(b.Open(app).At("sample", "signed-out").Click("Sign in again"))
	if p.Name != "login" {
		t.Errorf("prompt=login shows page %s", p.Name)
	}
	if err := stop(); err != nil {
		t.Errorf("the demo ended with %v", err)
	}
}

// The second user of the demo is enrolled for good, and the present code is not spent.
func TestDemoFactor(t *testing.T) {
	t.Parallel()
	d := &demonstration{Terminal: &terminal.Terminal{Stdout: t.Output(), Stderr: t.Output()}, operations: operations}
	if err := d.prepare(t.Context(), "127.0.0.1:0", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	defer d.close()
	code, err := totp.GenerateCode(d.strong.factor.Secret, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	keys, err := mfa.ParseKeyring(d.config.SecretKeys)
	if err != nil {
		t.Fatal(err)
	}
	db := servertest.OpenDatabase(t, d.config.Database)
	factors := &mfa.Service{Store: db, Attempts: db, Setups: db, Keys: keys, Kinds: server.Kinds(d.config), Atomic: db.Atomic}
	err = factors.Verify(t.Context(), d.strong.Subject, mfatotp.Answer(code), time.Now(), func(_ context.Context, p mfa.Proof) error { return nil })
	if err != nil {
		t.Errorf("the present code: %v", err)
	}
	if enrolled, err := factors.Enrolled(t.Context(), d.plain.Subject); err != nil || enrolled {
		t.Errorf("the first user: enrolled %v, %v", enrolled, err)
	}
}

func TestDemoIsLocal(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"0.0.0.0:8080", ":8080", "example.com:80", "8080"} {
		_, stop := startDemo(t, "--listen", address)
		if code := (&terminal.Terminal{Stderr: io.Discard}).Report(stop()); code != 2 {
			t.Errorf("--listen %s: exit code %d, want 2", address, code)
		}
	}
}
