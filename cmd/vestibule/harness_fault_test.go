package main

import (
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
)

// trouble is what a faultProxy does to a commit.
type trouble int

const (
	holdBefore trouble = iota // the database does not hear of it until it is let go; nothing is committed if the server gives up
	holdAfter                 // it is committed, and the answer waits until it is let go
	cutBefore                 // the connection is lost before the database has heard of it: nothing is committed
	cutAfter                  // it is committed, and the connection is lost with the answer
)

func (m trouble) String() string {
	return [...]string{"hold before", "hold after", "cut before", "cut after"}[m]
}

// faultProxy is a way to PostgreSQL on which commits go wrong while reads go on. It knows of the protocol only where a
// transaction ends: at a Sync. What was executed since the last one is a commit if one of its statements writes.
type faultProxy struct {
	listener        net.Listener
	network, target string
	address         string // of the database, through the proxy

	mu     sync.Mutex
	strike *strike // nil: all goes well
	open   map[net.Conn]bool
}

// strike is one trouble, and the commits that it befalls.
type strike struct {
	mode  trouble
	match string // a text that one of the commit's statements has, or with "not " before it none; empty: any
	nth   int    // the nth of those; 0: all

	mu      sync.Mutex
	seen    int
	once    sync.Once
	hit     chan struct{} // closed when the first is befallen
	release chan struct{} // closed when what is held may go on
}

// befalls reports whether the commit of these statements has the trouble.
func (s *strike) befalls(statements []string) bool {
	if s == nil || !slices.ContainsFunc(statements, writes) {
		return false
	}
	match, without := strings.CutPrefix(s.match, "not ")
	if without == slices.ContainsFunc(statements, func(text string) bool { return strings.Contains(text, match) }) {
		return false
	}
	s.mu.Lock()
	s.seen++
	befalls := s.nth == 0 || s.seen == s.nth
	s.mu.Unlock()
	if befalls {
		s.once.Do(func() { close(s.hit) })
	}
	return befalls
}

// happened reports whether a commit had the trouble.
func (s *strike) happened() bool {
	select {
	case <-s.hit:
		return true
	default:
		return false
	}
}

func writes(statement string) bool {
	for _, verb := range []string{"INSERT", "UPDATE", "DELETE", "WITH done"} {
		if strings.HasPrefix(strings.TrimSpace(statement), verb) {
			return true
		}
	}
	return false
}

// faultySite is a site on PostgreSQL whose one server reaches the database through the proxy. The test and the commands
// go there directly.
func faultySite(t *testing.T) (*site, *faultProxy) {
	t.Helper()
	s := newSite(t, postgresDatabase(t), rememberBrowsers)
	p := newFaultProxy(t, s)
	return s, p
}

func newFaultProxy(t *testing.T, s *site) *faultProxy {
	t.Helper()
	direct := s.config.Database
	settings, err := pgx.ParseConfig(direct)
	if err != nil {
		t.Fatalf("read %s: %v", direct, err)
	}
	p := &faultProxy{open: map[net.Conn]bool{}}
	if p.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatalf("listen: %v", err)
	}
	p.network, p.target = pgconnAddress(settings)
	go p.serve()
	t.Cleanup(p.close)
	u, err := url.Parse(direct)
	if err != nil {
		t.Fatalf("read %s: %v", direct, err)
	}
	u.Host = p.listener.Addr().String()
	q := u.Query()
	q.Del("host")
	u.RawQuery = q.Encode()
	p.address = u.String()
	s.config.Database = p.address
	s.start(1)
	s.config.Database = direct
	return p
}

// set begins a trouble in the place of any other.
func (p *faultProxy) set(mode trouble, match string, nth int) *strike {
	s := &strike{mode: mode, match: match, nth: nth, hit: make(chan struct{}), release: make(chan struct{})}
	p.replace(s)
	return s
}

// mend ends all trouble and lets go what is held.
func (p *faultProxy) mend() { p.replace(nil) }

func (p *faultProxy) replace(s *strike) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.strike != nil {
		close(p.strike.release)
	}
	p.strike = s
}

func (p *faultProxy) now() *strike {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.strike
}

func (p *faultProxy) close() {
	p.listener.Close()
	p.mend()
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.open {
		conn.Close()
	}
}

func (p *faultProxy) serve() {
	for {
		in, err := p.listener.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial(p.network, p.target)
		if err != nil {
			in.Close()
			continue
		}
		p.mu.Lock()
		p.open[in], p.open[out] = true, true
		p.mu.Unlock()
		l := &faultyLink{proxy: p, server: in, database: out, gone: make(chan struct{}), texts: map[string]string{}, portals: map[string]string{}}
		go l.up()
		go l.down()
	}
}

// faultyLink is one connection of the server.
type faultyLink struct {
	proxy            *faultProxy
	server, database net.Conn
	closing          sync.Once
	gone             chan struct{}

	texts, portals map[string]string // prepared statements and portals, by name

	mu   sync.Mutex
	last *strike // what happens to the answer that is under way
}

func (l *faultyLink) close() {
	l.closing.Do(func() {
		close(l.gone)
		l.server.Close()
		l.database.Close()
		l.proxy.mu.Lock()
		defer l.proxy.mu.Unlock()
		delete(l.proxy.open, l.server)
		delete(l.proxy.open, l.database)
	})
}

// transaction is what a server sends up to a Sync.
type transaction struct {
	data     []byte
	executed []string
}

// up sends each transaction on when it is whole. The server is listened to all the while: it may give up.
func (l *faultyLink) up() {
	defer l.close()
	whole := make(chan transaction)
	go func() {
		defer l.close()
		l.listen(whole)
	}()
	for {
		select {
		case <-l.gone:
			return
		case tx := <-whole:
			if !l.forward(tx) {
				return
			}
		}
	}
}

func (l *faultyLink) forward(tx transaction) bool {
	if s := l.proxy.now(); s.befalls(tx.executed) {
		switch s.mode {
		case cutBefore:
			return false
		case holdBefore:
			select {
			case <-s.release:
			case <-l.gone:
				return false
			}
		default:
			l.mu.Lock()
			l.last = s
			l.mu.Unlock()
		}
	}
	_, err := l.database.Write(tx.data)
	return err == nil
}

// listen hands over what the server sends. The first message of a connection has no type.
func (l *faultyLink) listen(whole chan<- transaction) {
	var tx transaction
	for first := true; ; first = false {
		kind, message, err := readMessage(l.server, first)
		if err != nil {
			return
		}
		tx.data = append(tx.data, message...)
		if kind != 0 && strings.IndexByte("PBDEC", kind) >= 0 {
			l.note(&tx, kind, message[5:])
			continue
		}
		select {
		case whole <- tx:
		case <-l.gone:
			return
		}
		tx = transaction{}
	}
}

// note keeps which statement is executed.
func (l *faultyLink) note(tx *transaction, kind byte, body []byte) {
	name, rest, _ := strings.Cut(string(body), "\x00")
	second, _, _ := strings.Cut(rest, "\x00")
	switch kind {
	case 'P':
		l.texts[name] = second
	case 'B':
		l.portals[name] = l.texts[second]
	case 'E':
		tx.executed = append(tx.executed, l.portals[name])
	}
}

// down carries the answers.
func (l *faultyLink) down() {
	defer l.close()
	for {
		kind, message, err := readMessage(l.database, false)
		if err != nil {
			return
		}
		l.mu.Lock()
		s := l.last
		l.mu.Unlock()
		switch {
		case s == nil:
		case s.mode == cutAfter && kind == 'Z':
			return
		case s.mode == cutAfter:
			continue
		default:
			select {
			case <-s.release:
			case <-l.gone:
				return
			}
		}
		if _, err := l.server.Write(message); err != nil {
			return
		}
		if kind == 'Z' {
			l.mu.Lock()
			l.last = nil
			l.mu.Unlock()
		}
	}
}

// readMessage returns the next message of the protocol, and what kind it is; 0 for one without a type.
func readMessage(r io.Reader, untyped bool) (kind byte, message []byte, err error) {
	head := make([]byte, 5)
	if untyped {
		head = head[:4]
	}
	if _, err := io.ReadFull(r, head); err != nil {
		return 0, nil, err
	}
	size := int(binary.BigEndian.Uint32(head[len(head)-4:])) - 4
	message = append(head, make([]byte, max(size, 0))...)
	if !untyped {
		kind = head[0]
	}
	_, err = io.ReadFull(r, message[len(head):])
	return kind, message, err
}
