package servertest

import (
	"encoding/binary"
	"io"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Trouble is what a FaultProxy does to a commit.
type Trouble int

const (
	HoldBefore Trouble = iota // the database does not hear of it until it is let go; nothing is committed if the server gives up
	HoldAfter                 // it is committed, and the answer waits until it is let go
	CutBefore                 // the connection is lost before the database has heard of it: nothing is committed
	CutAfter                  // it is committed, and the connection is lost with the answer
)

// String names the trouble.
func (m Trouble) String() string {
	return [...]string{"hold before", "hold after", "cut before", "cut after"}[m]
}

// FaultProxy is a way to PostgreSQL on which commits go wrong while reads go on. It knows of the protocol only where a
// transaction ends: at a Sync. What was executed since the last one is a commit if one of its statements writes.
type FaultProxy struct {
	route   *route
	Address string // of the database, through the proxy

	mu     sync.Mutex
	strike *Strike // nil: all goes well
}

// Strike is one trouble, and the commits that it befalls.
type Strike struct {
	mode  Trouble
	match string // a text that one of the commit's statements has, or with "not " before it none; empty: any
	nth   int    // the nth of those; 0: all

	mu      sync.Mutex
	seen    int
	once    sync.Once
	Hit     chan struct{} // closed when the first is befallen
	release chan struct{} // closed when what is held may go on
}

// befalls reports whether the commit of these statements has the trouble.
func (s *Strike) befalls(statements []string) bool {
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
		s.once.Do(func() { close(s.Hit) })
	}
	return befalls
}

// Happened reports whether a commit had the trouble.
func (s *Strike) Happened() bool {
	select {
	case <-s.Hit:
		return true
	default:
		return false
	}
}

// writing is what a statement has that writes, wherever it stands: several writes may be one statement.
var writing = regexp.MustCompile(`\b(INSERT INTO|DELETE FROM|UPDATE [a-z])`)

func writes(statement string) bool { return writing.MatchString(statement) }

// NewFaulty is a site on PostgreSQL whose one server reaches the database through the proxy. The test and the commands
// go there directly.
func NewFaulty(t *testing.T) (*Site, *FaultProxy) {
	t.Helper()
	s := New(t, PostgreSQL(t), RememberBrowsers)
	p := newFaultProxy(t, s)
	return s, p
}

// newFaultProxy gives the site one server that reaches the database through the proxy.
func newFaultProxy(t *testing.T, s *Site) *FaultProxy {
	t.Helper()
	direct := s.Config.Database
	p := &FaultProxy{route: newRoute(t, direct)}
	p.Address = p.route.Address
	go p.route.serve(p.carry)
	t.Cleanup(p.Mend)
	s.Config.Database = p.Address
	s.Start(1)
	s.Config.Database = direct
	return p
}

// Strike begins a trouble in the place of any other.
func (p *FaultProxy) Strike(mode Trouble, match string, nth int) *Strike {
	s := &Strike{mode: mode, match: match, nth: nth, Hit: make(chan struct{}), release: make(chan struct{})}
	p.replace(s)
	return s
}

// Mend ends all trouble and lets go what is held.
func (p *FaultProxy) Mend() { p.replace(nil) }

func (p *FaultProxy) replace(s *Strike) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.strike != nil {
		close(p.strike.release)
	}
	p.strike = s
}

func (p *FaultProxy) now() *Strike {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.strike
}

func (p *FaultProxy) carry(in, out net.Conn) {
	l := &faultyLink{proxy: p, server: in, database: out, gone: make(chan struct{}), texts: map[string]string{}, portals: map[string]string{}}
	go l.up()
	go l.down()
}

// faultyLink is one connection of the server.
type faultyLink struct {
	proxy            *FaultProxy
	server, database net.Conn
	closing          sync.Once
	gone             chan struct{}

	texts, portals map[string]string // prepared statements and portals, by name

	mu   sync.Mutex
	last *Strike // what happens to the answer that is under way
}

func (l *faultyLink) close() {
	l.closing.Do(func() {
		close(l.gone)
		l.proxy.route.drop(l.server, l.database)
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
		case CutBefore:
			return false
		case HoldBefore:
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
		case s.mode == CutAfter && kind == 'Z':
			return
		case s.mode == CutAfter:
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
