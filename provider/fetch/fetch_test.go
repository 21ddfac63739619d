package fetch_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"vestibule/provider/fetch"
)

// names answers every question about addresses with those of the name, and counts nothing else.
type names map[string][]string

// resolver asks a name server on this machine.
func (n names) resolver(t *testing.T) *net.Resolver {
	t.Helper()
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	go func() {
		buffer := make([]byte, 1500)
		for {
			size, from, err := socket.ReadFrom(buffer)
			if err != nil {
				return
			}
			if answer, err := n.answer(buffer[:size]); err == nil {
				socket.WriteTo(answer, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", socket.LocalAddr().String())
	}}
}

func (n names) answer(query []byte) ([]byte, error) {
	var message dnsmessage.Message
	if err := message.Unpack(query); err != nil {
		return nil, err
	}
	question := message.Questions[0]
	message.Header.Response, message.Additionals = true, nil
	for _, text := range n[strings.TrimSuffix(question.Name.String(), ".")] {
		address, header := netip.MustParseAddr(text), dnsmessage.ResourceHeader{Name: question.Name, Class: dnsmessage.ClassINET}
		if address.Is4() != (question.Type == dnsmessage.TypeA) {
			continue
		}
		var body dnsmessage.ResourceBody = &dnsmessage.AAAAResource{AAAA: address.As16()}
		if address.Is4() {
			body = &dnsmessage.AResource{A: address.As4()}
		}
		message.Answers = append(message.Answers, dnsmessage.Resource{Header: header, Body: body})
	}
	return message.Pack()
}

// TestFetchRefusesAddresses asks for addresses that only this server could reach. A listener counts who comes.
func TestFetchRefusesAddresses(t *testing.T) {
	t.Parallel()
	var came atomic.Int64
	listener := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { came.Add(1) }))
	t.Cleanup(listener.Close)
	_, port, _ := strings.Cut(strings.TrimPrefix(listener.URL, "https://"), ":")
	resolver := names{
		"inside.example": {"127.0.0.1"}, "both.example": {"10.0.0.7", "127.0.0.1"}, "six.example": {"::1"},
		"mapped.example": {"::ffff:127.0.0.1"}, "cloud.example": {"169.254.169.254"},
	}.resolver(t)
	hosts := []string{
		"127.0.0.1", "127.1.2.3", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "[::]", "10.0.0.7", "172.16.3.4", "192.168.1.1",
		"100.64.0.1", "169.254.169.254", "[fe80::1]", "[fd00:ec2::254]", "[fc00::1]", "224.0.0.1", "[ff02::1]", "255.255.255.255",
		"198.18.0.1", "192.0.2.1", "168.63.129.16", "[64:ff9b::7f00:1]", "[2002:7f00:1::1]", "[2001:db8::1]", "[::127.0.0.1]",
		"inside.example", "both.example", "six.example", "mapped.example", "cloud.example",
	}
	f := fetch.New(fetch.Config{Resolver: resolver})
	for _, host := range hosts {
		if _, err := f.Fetch(t.Context(), "https://"+host+":"+port+"/keys", "*/*"); !errors.Is(err, fetch.ErrAddress) {
			t.Errorf("%s: %v, want ErrAddress", host, err)
		}
	}
	for _, address := range []string{
		"http://shop.example/keys", "http://127.0.0.1:" + port + "/", "ftp://shop.example/keys", "file:///etc/passwd", "gopher://127.0.0.1/",
		"https:///keys", "https://user@shop.example/keys", "//shop.example/keys", "", "%", "unix:/run/socket",
	} {
		if _, err := f.Fetch(t.Context(), address, "*/*"); !errors.Is(err, fetch.ErrAddress) {
			t.Errorf("%q: %v, want ErrAddress", address, err)
		}
	}
	if came.Load() > 0 {
		t.Errorf("%d requests came", came.Load())
	}
}

// TestFetchAllows gets a document from an internal network that is allowed, and from this machine; never one of cloud metadata.
func TestFetchAllows(t *testing.T) {
	t.Parallel()
	listener := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=90")
		fmt.Fprint(w, r.Header.Get("Accept"), r.Header.Get("Cookie"))
	}))
	t.Cleanup(listener.Close)
	roots := listener.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	_, port, _ := strings.Cut(strings.TrimPrefix(listener.URL, "https://"), ":")
	resolver := names{"example.com": {"10.0.0.7", "127.0.0.1"}}.resolver(t) // the certificate's name
	for name, c := range map[string]fetch.Config{
		"internal": {Internal: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Roots: roots, Resolver: resolver},
		"loopback": {Loopback: true, Roots: roots, Resolver: resolver},
	} {
		document, err := fetch.New(c).Fetch(t.Context(), "https://example.com:"+port+"/keys", "application/json")
		if err != nil || string(document.Body) != "application/json" || document.Fresh.Seconds() != 90 {
			t.Errorf("%s: %q for %v, %v", name, document.Body, document.Fresh, err)
		}
	}
	all := fetch.Config{Internal: []netip.Prefix{netip.MustParsePrefix("128.0.0.0/1"), netip.MustParsePrefix("f000::/4")}}
	for _, host := range []string{"169.254.169.254", "[fd00:ec2::254]", "[fe80::1]", "168.63.129.16"} {
		if _, err := fetch.New(all).Fetch(t.Context(), "https://"+host+"/", "*/*"); !errors.Is(err, fetch.ErrAddress) {
			t.Errorf("%s where its network is allowed: %v, want ErrAddress", host, err)
		}
	}
}

// TestFetchRefusesAnswers asks hosts that answer in ways that nobody should follow or read.
func TestFetchRefusesAnswers(t *testing.T) {
	mux := http.NewServeMux()
	host := httptest.NewServer(mux)
	t.Cleanup(host.Close)
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1") // which is not asked
	to := func(code int, address string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Location", address); w.WriteHeader(code) }
	}
	mux.HandleFunc("/good", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("x", fetch.Limit)) })
	mux.HandleFunc("/moved", to(302, "/good"))
	mux.HandleFunc("/round", to(302, "/round"))
	mux.HandleFunc("/inside", to(302, "https://10.0.0.7/"))
	mux.HandleFunc("/metadata", to(307, "http://169.254.169.254/latest"))
	mux.HandleFunc("/file", to(302, "file:///etc/passwd"))
	mux.HandleFunc("/large", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("x", fetch.Limit+1)) })
	mux.HandleFunc("/missing", http.NotFound)
	mux.HandleFunc("/partial", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusPartialContent) })
	f := fetch.New(fetch.Config{Loopback: true})
	for path, want := range map[string]string{
		"/good": "", "/moved": "", "/round": "leads from one address", "/inside": "not allowed", "/metadata": "not allowed",
		"/file": "not allowed", "/large": "more than", "/missing": "404", "/partial": "206",
	} {
		_, err := f.Fetch(t.Context(), host.URL+path, "*/*")
		if got := fmt.Sprint(err); (want == "") != (err == nil) || want != "" && !strings.Contains(got, want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}

func FuzzFetchAddress(f *testing.F) {
	for _, seed := range []string{"https://127.0.0.1/", "https://[::ffff:7f00:1]/", "https://0x7f.1/", "https://2130706433/", "http://localhost:80/", "https://user@10.0.0.1"} {
		f.Add(seed)
	}
	resolver := &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("no name is asked for")
	}}
	fetcher := fetch.New(fetch.Config{Resolver: resolver})
	f.Fuzz(func(t *testing.T, address string) {
		u, err := url.Parse(address)
		if err == nil {
			if ip, err := netip.ParseAddr(u.Hostname()); err == nil && ip.IsGlobalUnicast() && !ip.IsPrivate() {
				return // no fuzz test asks the Internet
			}
		}
		if document, err := fetcher.Fetch(t.Context(), address, "*/*"); err == nil {
			t.Errorf("%q: %q", address, document.Body)
		}
	})
}
