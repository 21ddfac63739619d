package clients

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"vestibule/cmd/vestibule/servertest"
)

// apache is an Apache httpd that the test starts, with a folder of its own.
type apache struct {
	t       *testing.T
	program string
	folder  string
	app     string // what is behind all hosts
	hosts   strings.Builder
	environ []string
	first   string // of the addresses
}

func newApache(t *testing.T) *apache {
	t.Helper()
	program := servertest.Required(t, "VESTIBULE_TEST_APACHE")
	folder, err := os.MkdirTemp("", "apache") // which others may read, unlike TempDir
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "path=%s email=%s groups=%s", r.URL.Path, r.Header.Get("OIDC_CLAIM_email"), r.Header.Get("OIDC_CLAIM_groups"))
	}))
	t.Cleanup(app.Close)
	return &apache{t: t, program: program, folder: folder, app: app.URL}
}

// origin is a new one.
func (a *apache) origin() string {
	a.t.Helper()
	address := freeAddress(a.t)
	if a.first == "" {
		a.first = address
	}
	return "http://" + address
}

// variable is one that the configuration names.
func (a *apache) variable(name, value string) { a.environ = append(a.environ, name+"="+value) }

// host configures what is at an origin.
func (a *apache) host(origin, text string) {
	_, port, _ := strings.Cut(strings.TrimPrefix(origin, "http://"), ":")
	fmt.Fprintf(&a.hosts, "Listen 127.0.0.1:%s\n<VirtualHost 127.0.0.1:%s>\nServerName %s\nProxyPass / %s/\n%s</VirtualHost>\n", port, port, origin, a.app, text)
}

// modules are the usual ones of Debian that the recipes need.
var modules = []string{"mpm_event", "authn_core", "authz_core", "proxy", "proxy_http", "auth_openidc"}

// start starts it. Started by root, it is run by the user of Debian's package, as usual.
func (a *apache) start() {
	a.t.Helper()
	var config strings.Builder
	fmt.Fprintf(&config, "ServerRoot %s\nPidFile pid\nErrorLog error.log\nMutex file:%s\nServerName localhost\nLogLevel warn auth_openidc:warn\n", a.folder, a.folder)
	for _, name := range modules {
		fmt.Fprintf(&config, "LoadModule %s_module /usr/lib/apache2/modules/mod_%s.so\n", name, name)
	}
	fmt.Fprintf(&config, "OIDCCABundlePath %s\n", authorities())
	config.WriteString(a.hosts.String())
	file := write(a.t, a.folder, "httpd.conf", config.String())
	cmd := exec.Command(a.program, "-d", a.folder, "-f", file, "-D", "FOREGROUND")
	cmd.Env = append(os.Environ(), a.environ...)
	a.lower(cmd, file)
	a.t.Cleanup(func() {
		if log, err := os.ReadFile(filepath.Join(a.folder, "error.log")); a.t.Failed() && err == nil {
			a.t.Logf("%s", log)
		}
	})
	start(a.t, a.first, cmd)
}

// lower has root's command run as www-data, to whom the folder is given.
func (a *apache) lower(cmd *exec.Cmd, file string) {
	a.t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	who, err := user.Lookup("www-data")
	if err != nil {
		a.t.Fatal(err)
	}
	uid, _ := strconv.Atoi(who.Uid)
	gid, _ := strconv.Atoi(who.Gid)
	for _, path := range []string{a.folder, file} {
		if err := os.Chown(path, uid, gid); err != nil {
			a.t.Fatal(err)
		}
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}
