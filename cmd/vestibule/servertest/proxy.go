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

// route is a way to PostgreSQL, and what runs on it.
type route struct {
	listener        net.Listener
	network, target string
	Address         string // of the database, by this way

	mu   sync.Mutex
	cut  bool
	open map[net.Conn]bool
}

// newRoute leads to the database until the test ends, by a free port.
func newRoute(t *testing.T, database string) *route {
	t.Helper()
	settings, err := pgx.ParseConfig(database)
	if err != nil {
		t.Fatalf("read %s: %v", database, err)
	}
	u, err := url.Parse(database)
	if err != nil {
		t.Fatalf("read %s: %v", database, err)
	}
	r := &route{listener: Listener(t), open: map[net.Conn]bool{}}
	r.network, r.target = pgconnAddress(settings)
	u.Host = r.listener.Addr().String()
	q := u.Query()
	q.Del("host")
	u.RawQuery = q.Encode()
	r.Address = u.String()
	t.Cleanup(func() {
		r.listener.Close()
		r.set(true)
	})
	return r
}

func pgconnAddress(settings *pgx.ConnConfig) (network, address string) {
	port := strconv.Itoa(int(settings.Port))
	if settings.Host[0] == '/' {
		return "unix", settings.Host + "/.s.PGSQL." + port
	}
	return "tcp", net.JoinHostPort(settings.Host, port)
}

// serve has each connection that comes carried to the database, until the listener is closed. Carry returns at once.
func (r *route) serve(carry func(in, out net.Conn)) {
	for {
		in, err := r.listener.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial(r.network, r.target)
		if err != nil || !r.keep(in, out) {
			in.Close()
			continue
		}
		carry(in, out)
	}
}

// keep notes the connections, unless the way is cut.
func (r *route) keep(in, out net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cut {
		out.Close()
		return false
	}
	r.open[in], r.open[out] = true, true
	return true
}

// drop closes connections. To drop one twice does no harm.
func (r *route) drop(conns ...net.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, conn := range conns {
		conn.Close()
		delete(r.open, conn)
	}
}

// set cuts the way, those under way with it, or mends it.
func (r *route) set(cut bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cut = cut
	if !cut {
		return
	}
	for conn := range r.open {
		conn.Close()
	}
	clear(r.open)
}

// Proxy is a way to PostgreSQL that a test can cut and mend.
type Proxy struct{ route *route }

// NewProxy puts a proxy before the database and returns the address to use instead.
func NewProxy(t *testing.T, database string) (*Proxy, string) {
	t.Helper()
	p := &Proxy{newRoute(t, database)}
	go p.route.serve(func(in, out net.Conn) {
		go p.pipe(in, out)
		go p.pipe(out, in)
	})
	return p, p.route.Address
}

func (p *Proxy) pipe(to, from net.Conn) {
	io.Copy(to, from)
	p.route.drop(to, from)
}

// Set cuts the way, those under way with it, or mends it.
func (p *Proxy) Set(cut bool) { p.route.set(cut) }
