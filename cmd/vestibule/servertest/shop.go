package servertest

import (
	"fmt"
	"html"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"vestibule/provider/client"
)

// Shop is a relying party that is really there, at an origin of its own, for real browsers.
type Shop struct {
	*Client
	Origin   string
	Arrivals chan *url.URL // the addresses that browsers came back to
}

// NewShop starts a shop. If it hops, its callback redirects on, as those of many frameworks do.
func (s *Site) NewShop(t *testing.T, id string, hops bool) *Shop {
	t.Helper()
	sh := &Shop{Arrivals: make(chan *url.URL, 100)}
	mux := http.NewServeMux()
	front := httptest.NewServer(mux)
	t.Cleanup(front.Close)
	mux.HandleFunc("/callback", func(w http.ResponseWriter, r *http.Request) {
		at := *r.URL
		if r.Method == http.MethodPost { // what a form brings
			r.ParseForm()
			at.RawQuery = r.PostForm.Encode()
		}
		sh.Arrivals <- sh.absolute(&at)
		if hops {
			http.Redirect(w, r, front.URL+"/arrived", http.StatusSeeOther) // another origin
			return
		}
		fmt.Fprint(w, `<!doctype html><title>Shop</title><main data-page="shop" data-state="arrived">`+
			`<script>if (opener) opener.postMessage("arrived", "*")</script></main>`)
	})
	mux.HandleFunc("GET /arrived", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<!doctype html><title>Shop</title><main data-page="shop" data-state="arrived"></main>`)
	})
	mux.HandleFunc("GET /logo.png", func(w http.ResponseWriter, _ *http.Request) {
		png.Encode(w, image.NewGray(image.Rect(0, 0, 400, 100))) // the browser may have gone
	})
	mux.HandleFunc("GET /signed-out", func(w http.ResponseWriter, r *http.Request) {
		at := *r.URL
		sh.Arrivals <- sh.absolute(&at)
		fmt.Fprint(w, `<!doctype html><title>Shop</title><main data-page="shop" data-state="signed-out"></main>`)
	})
	// The page that opens the sign-in in a window of its own, as oidc-client-ts does: it asks what the provider offers first.
	mux.HandleFunc("GET /opener", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `<!doctype html><title>Shop</title><main data-page="shop" data-state="waiting">`+
			`<button id="open" data-address="%s">Sign in</button></main><script>`+
			`document.querySelector("#open").onclick = e => { const to = e.target.dataset.address, w = open("")`+"\n"+
			`fetch(new URL("/.well-known/openid-configuration", to)).then(() => w.location = to) }`+"\n"+
			`addEventListener("message", e => document.querySelector("main").dataset.state = e.data)</script>`,
			html.EscapeString(r.FormValue("address")))
	})
	sh.Origin = strings.Replace(front.URL, "127.0.0.1", "localhost", 1) // another site than ours
	sh.Client = s.NewClient(t, id, func(c *client.Client) {
		c.RedirectURIs, c.PostLogoutRedirectURIs = []string{sh.Origin + "/callback"}, []string{sh.SignedOutURI()}
	})
	return sh
}

// SignedOutURI is where the shop takes browsers back after a sign-out.
func (sh *Shop) SignedOutURI() string { return sh.Origin + "/signed-out" }

// SignOut is the address to sign out at, with parameters as name and value in turn.
func (sh *Shop) SignOut(parameters ...string) string {
	sh.T.Helper()
	var metadata struct {
		Endpoint string `json:"end_session_endpoint"`
	}
	if err := sh.Provider.Claims(&metadata); err != nil {
		sh.T.Fatalf("metadata: %v", err)
	}
	q := url.Values{}
	for i := 0; i < len(parameters); i += 2 {
		q.Set(parameters[i], parameters[i+1])
	}
	return metadata.Endpoint + "?" + q.Encode()
}

func (sh *Shop) absolute(u *url.URL) *url.URL {
	full, err := url.Parse(sh.Origin)
	if err != nil {
		sh.T.Errorf("origin: %v", err)
		return u
	}
	return full.ResolveReference(u)
}

// Arrived takes the sign-in that the browser has just come back from to its end.
func (sh *Shop) Arrived(v *Trip) Tokens {
	sh.T.Helper()
	select {
	case address := <-sh.Arrivals:
		return v.Finish(&Page{Left: address})
	default:
		sh.T.Fatal("the browser did not come back to the shop")
		return Tokens{}
	}
}
