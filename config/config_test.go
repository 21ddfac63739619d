package config

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	testIssuer = "https://id.example.com"
	otherKey   = "3030303030303030303030303030303030303030303030303030303030303030"
	testKey    = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
)

// TestFaults reads each file of testdata. Comments at its head give the faults wanted, all of
// them and in order, and the environment and flags to load it with.
func TestFaults(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test files: %v", err)
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			environ, flags, want := header(t, path)
			_, err := Load(path, environ, flags)
			var faults Faults
			if !errors.As(err, &faults) {
				t.Fatalf("Load: error %v, want faults", err)
			}
			var got []string
			for _, fault := range faults {
				got = append(got, fault.Error())
			}
			if !slices.Equal(got, want) {
				t.Errorf("faults\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			if strings.Contains(err.Error(), testKey) {
				t.Error("the message repeats a secret key")
			}
		})
	}
}

func header(t *testing.T, path string) (environ []string, flags map[string]string, want []string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	flags = map[string]string{}
	for line := range strings.Lines(string(content)) {
		line = strings.TrimSpace(line)
		if text, ok := strings.CutPrefix(line, "# want: "); ok {
			want = append(want, text)
		} else if text, ok := strings.CutPrefix(line, "# env: "); ok {
			environ = append(environ, text)
		} else if text, ok := strings.CutPrefix(line, "# flag: "); ok {
			name, value, _ := strings.Cut(text, "=")
			flags[name] = value
		}
	}
	return environ, flags, want
}

func TestPrecedence(t *testing.T) {
	path := write(t, "issuer: https://file.example.com\nlisten: :1001\nadmin_listen: :1002\nname: File\ncode_lifetime: 30s\nsecret_keys:\n  - "+testKey+"\n")
	environ := []string{"VESTIBULE_LISTEN=:2001", "VESTIBULE_ADMIN_LISTEN=:2002", "VESTIBULE_NAME=", "VESTIBULE_PORT=tcp://10.0.0.1:80", "HOME=/"}
	c, err := Load(path, environ, map[string]string{"listen": ":3001"})
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Issuer = "https://file.example.com"
	want.Listen = ":3001"
	want.AdminListen = ":2002"
	want.Name = "File"
	want.CodeLifetime = 30 * time.Second
	want.SecretKeys = []string{testKey}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("Load = %+v\nwant %+v", c, want)
	}
}

func TestTrustedProxies(t *testing.T) {
	want := []netip.Prefix{netip.MustParsePrefix("10.0.0.7/32"), netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("fd00::/8"), netip.MustParsePrefix("::1/128")}
	const others = "issuer: " + testIssuer + "\nsecret_keys: " + testKey + "\n"
	for _, tt := range []struct {
		file, environ string
	}{
		{"trusted_proxies: [10.0.0.7, 192.168.4.1/16, 'fd00::/8', '::1']\n", ""},
		{"trusted_proxies: 10.0.0.7, 192.168.0.0/16, fd00::/8, ::1\n", ""},
		{"trusted_proxies: 172.16.0.1\n", "VESTIBULE_TRUSTED_PROXIES=::ffff:10.0.0.7,192.168.0.0/16, fd00::/8,::1"},
	} {
		c, err := Load(write(t, others+tt.file), []string{tt.environ}, nil)
		if err != nil || !slices.Equal(c.TrustedProxies, want) {
			t.Errorf("%s%s: %v, %v; want %v", tt.file, tt.environ, c.TrustedProxies, err, want)
		}
	}
}

func TestACRNames(t *testing.T) {
	const others = "issuer: " + testIssuer + "\nsecret_keys: " + testKey + "\n"
	for _, tt := range []struct {
		file string
		want map[string][]string
	}{
		{"", nil},
		{"acr_names: ''\n", map[string][]string{}},
		{"acr_names: aal2=urn:x=y, aal1=1,aal2=2\n", map[string][]string{"aal1": {"1"}, "aal2": {"urn:x=y", "2"}}},
		{"acr_names: [aal2=b, aal2=a]\n", map[string][]string{"aal2": {"b", "a"}}},
	} {
		c, err := Load(write(t, others+tt.file), nil, nil)
		if err != nil || !reflect.DeepEqual(c.ACRNames, tt.want) {
			t.Errorf("%s: %v, %v; want %v", tt.file, c.ACRNames, err, tt.want)
		}
	}
}

func TestSecretFiles(t *testing.T) {
	keys := write(t, testKey+"\r\n"+otherKey+"\n")
	database := write(t, "postgres://u:p@db/vestibule\n")
	// The file overrides the value of an earlier source: that is no conflict.
	settings := write(t, "issuer: "+testIssuer+"\ndatabase: sqlite:old.db\n")
	c, err := Load(settings, []string{"VESTIBULE_SECRET_KEYS_FILE=" + keys, "VESTIBULE_DATABASE_FILE=" + database}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{testKey, otherKey}; !slices.Equal(c.SecretKeys, want) {
		t.Errorf("SecretKeys = %q, want %q", c.SecretKeys, want)
	}
	if want := "postgres://u:p@db/vestibule"; c.Database != want {
		t.Errorf("Database = %q, want %q", c.Database, want)
	}
}

func TestOnly(t *testing.T) {
	c, err := Load("", []string{"VESTIBULE_DATABASE=sqlite:x.db", "VESTIBULE_SECRET_KEYS_FILE=/none"}, nil, "database")
	if err != nil || c.Database != "sqlite:x.db" {
		t.Errorf("Load = %q, %v", c.Database, err)
	}
	if _, err := Load("", []string{"VESTIBULE_DATABASE=x.db"}, nil, "database"); err == nil {
		t.Error("a faulty database was accepted")
	}
}

func TestIssuers(t *testing.T) {
	for _, issuer := range []string{testIssuer, "https://id.example.com:8443", "http://localhost:8080", "http://127.0.0.1:8080", "http://127.9.9.9", "http://[::1]:8080"} {
		if _, err := Load("", []string{"VESTIBULE_ISSUER=" + issuer, "VESTIBULE_SECRET_KEYS=" + testKey}, nil); err != nil {
			t.Errorf("issuer %s: %v", issuer, err)
		}
	}
}

func TestKeys(t *testing.T) {
	for _, tt := range []struct {
		key  string
		want bool
	}{
		{testKey, true},
		{strings.TrimRight(testKey, "="), true},
		{strings.Repeat("_-8A", 10) + "AAA", true},
		{strings.Repeat("_-8A", 10) + "AAA=", true},
		{strings.Repeat("_-8A", 10) + "AAB", false}, // the last letter has bits that belong to no byte
		{strings.Repeat("/+8A", 10) + "AAA", true},
		{strings.Repeat("0aF9", 16), true},
		{strings.Repeat("0aF9", 8), false},
		{testKey + testKey, false},
		{"", false},
		{"change me", false},
	} {
		if got := validKey(tt.key); got != tt.want {
			t.Errorf("validKey(%q) = %v, want %v", tt.key, got, tt.want)
		}
	}
}

// Every flag names a setting, and no secret is a flag that holds nothing but the secret.
func TestFlags(t *testing.T) {
	for _, f := range Flags() {
		if _, _, ok := find(strings.ReplaceAll(f.Name, "-", "_")); !ok {
			t.Errorf("flag %s is no setting", f.Name)
		}
		if f.Name == "secret-keys" {
			t.Error("secret keys must not be a flag")
		}
	}
}

func write(t *testing.T, content string) string {
	t.Helper()
	file, err := os.CreateTemp(t.TempDir(), "*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteString(content); err != nil {
		t.Fatal(err)
	}
	return file.Name()
}

func TestKindsOfAuthenticators(t *testing.T) {
	path := write(t, "issuer: "+testIssuer+"\nsecret_keys: "+testKey+"\ntotp_algorithms: [sha-256, SHA1]\ntotp_digits: [8, 6]\n")
	c, err := Load(path, []string{"VESTIBULE_TOTP_PERIODS=60,30"}, map[string]string{"totp-authenticators": "3"})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(c.TOTPAlgorithms, []string{"SHA256", "SHA1"}) || !slices.Equal(c.TOTPDigits, []int{8, 6}) ||
		!slices.Equal(c.TOTPPeriods, []int{60, 30}) || c.TOTPAuthenticators != 3 {
		t.Errorf("Load = %v, %v, %v, %d", c.TOTPAlgorithms, c.TOTPDigits, c.TOTPPeriods, c.TOTPAuthenticators)
	}
}
