package servertest

import (
	"io"
	"net"
	"net/url"
	"strconv"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Proxy is a way to PostgreSQL that a test can cut and mend.
type Proxy struct {
	listener        net.Listener
	network, target string

	mu   sync.Mutex
	cut  bool
	open map[net.Conn]bool
}

// NewProxy puts a proxy before the database and returns the address to use instead.
func NewProxy(t *testing.T, database string) (*Proxy, string) {
	t.Helper()
	settings, err := pgx.ParseConfig(database)
	if err != nil {
		t.Fatalf("read %s: %v", database, err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	p := &Proxy{listener: listener, open: map[net.Conn]bool{}}
	p.network, p.target = pgconnAddress(settings)
	go p.serve()
	t.Cleanup(func() {
		listener.Close()
		p.Set(true)
	})
	u, err := url.Parse(database)
	if err != nil {
		t.Fatalf("read %s: %v", database, err)
	}
	u.Host = listener.Addr().String()
	q := u.Query()
	q.Del("host")
	u.RawQuery = q.Encode()
	return p, u.String()
}

func pgconnAddress(settings *pgx.ConnConfig) (network, address string) {
	port := strconv.Itoa(int(settings.Port))
	if settings.Host[0] == '/' {
		return "unix", settings.Host + "/.s.PGSQL." + port
	}
	return "tcp", net.JoinHostPort(settings.Host, port)
}

func (p *Proxy) serve() {
	for {
		in, err := p.listener.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial(p.network, p.target)
		if err != nil || !p.keep(in, out) {
			in.Close()
			continue
		}
		go p.pipe(in, out)
		go p.pipe(out, in)
	}
}

// keep notes the connections, unless the way is cut.
func (p *Proxy) keep(in, out net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cut {
		out.Close()
		return false
	}
	p.open[in], p.open[out] = true, true
	return true
}

func (p *Proxy) pipe(to, from net.Conn) {
	io.Copy(to, from)
	to.Close()
	from.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, from)
}

// Set cuts the way, those under way with it, or mends it.
func (p *Proxy) Set(cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = cut
	if !cut {
		return
	}
	for conn := range p.open {
		conn.Close()
	}
	clear(p.open)
}
