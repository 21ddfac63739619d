package protocol

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/config"
	"vestibule/provider/client"
	"vestibule/provider/operator"
)

// change has a client replace its registration.
func (r registered) change(t *testing.T, s *servertest.Site, document map[string]any) registered {
	t.Helper()
	document["client_id"] = r.text("client_id")
	return register(t, s, http.MethodPut, r.text("registration_client_uri"), r.text("registration_access_token"), document)
}

// TestStrangersKnowNobodyAsOthersDo: a client that says that it is answered where another is, once it has tokens or to be told
// of sign-outs elsewhere, knows users by none of the subjects of that one.
func TestStrangersKnowNobodyAsOthersDo(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t), servertest.OpenRegistration)
	s.AddUser("ana")
	bank := s.NewClient(t, "bank", pairwise("https://bank.example/cb"))
	v := bank.Begin()
	b := s.NewBrowser(t)
	victim := v.Finish(v.SignIn(b, "ana").Allow())

	document := map[string]any{"redirect_uris": []string{servertest.ReturnURI}, "subject_type": "pairwise", "scope": "openid offline_access"}
	done := register(t, s, http.MethodPost, endpoint(s), "", document)
	c := done.ok(t, s)
	v = c.Begin("scope", "openid offline_access")
	mine := v.Finish(b.Open(v.Address).Allow())
	document["redirect_uris"] = []string{"https://bank.example/cb"}
	if got := done.change(t, s, document); got.status != http.StatusOK {
		t.Fatalf("the change: %d %v", got.status, got.members)
	}
	s.Clock.Advance(4 * time.Second)
	tokens, err := c.Refresh(mine.Token.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	renewed := c.Read(tokens)
	if renewed.Claims.Subject == victim.Claims.Subject || victim.Claims.Subject == "" {
		t.Errorf("a stranger is told of the subject of another client: %v", victim.Claims.Subject)
	}
}

// TestRegistrationTellsNothingOfInside: whoever registers an address is not told what there is, and has not as many asked as it
// likes.
func TestRegistrationTellsNothingOfInside(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t), servertest.OpenRegistration, func(c *config.Config) { c.RegistrationPerHour = 1000 })
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }))
	t.Cleanup(host.Close)
	closed := httptest.NewServer(nil)
	closed.Close()
	told := map[string]string{}
	for _, address := range []string{"https://10.1.2.3/s", "https://169.254.169.254/s", host.URL + "/s", closed.URL + "/s"} {
		got := register(t, s, http.MethodPost, endpoint(s), "", map[string]any{"redirect_uris": []string{servertest.ReturnURI}, "subject_type": "pairwise", "sector_identifier_uri": address})
		if got.status != http.StatusBadRequest {
			t.Errorf("%s: %d %v", address, got.status, got.members)
		}
		told[got.text("error_description")] = address
	}
	if len(told) != 1 {
		t.Errorf("the answers differ by what there is: %q", told)
	}
	var last registered
	for range 27 {
		last = register(t, s, http.MethodPost, endpoint(s), "", map[string]any{"redirect_uris": []string{servertest.ReturnURI}, "sector_identifier_uri": host.URL})
	}
	if last.status != http.StatusTooManyRequests {
		t.Errorf("the 31st address in a minute is answered with %d %v", last.status, last.members)
	}
}

// TestFaultyRegistrationsAreCheap: a document of nothing but faults is answered at once, and shortly.
func TestFaultyRegistrationsAreCheap(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t), servertest.OpenRegistration)
	names := `"client_name":"a","client_uri":"https://a.example/","application_type":"web","grant_types":["authorization_code"],"backchannel_logout_uri":"https://a.example/","default_max_age":1,"contacts":["a"],"authorization_signed_response_alg":"RS256"`
	for _, list := range []string{"redirect_uris", "post_logout_redirect_uris", "request_uris", "grant_types", "response_types"} {
		var uris []string
		for i := range 3000 {
			uris = append(uris, fmt.Sprintf(`"%x"`, i))
		}
		body := `{` + names + `,"` + list + `":[` + strings.Join(uris, ",") + `]}`
		begin := time.Now()
		got := register(t, s, http.MethodPost, endpoint(s), "", body)
		if took := time.Since(begin); got.status != http.StatusBadRequest || took > 5*time.Second || len(got.text("error_description")) > 4096 {
			t.Errorf("%s: %d after %v, with %d characters", list, got.status, took, len(got.text("error_description")))
		}
	}
}

// TestRegistrationChangesAreBounded: no client fills the audit log by changing its name again and again.
func TestRegistrationChangesAreBounded(t *testing.T) {
	t.Parallel()
	servertest.EachWith(t, func(c *config.Config) { c.Registration, c.RegistrationPerHour = "open", 5 }, func(t *testing.T, s *servertest.Site) {
		document := map[string]any{"redirect_uris": []string{servertest.ReturnURI}}
		done := register(t, s, http.MethodPost, endpoint(s), "", document)
		counts := map[int]int{}
		for i := range 2 * s.Config.RegistrationPerHour {
			document["client_name"] = fmt.Sprint("App ", i)
			counts[done.change(t, s, document).status]++
		}
		if counts[http.StatusOK] != s.Config.RegistrationPerHour-1 || counts[http.StatusTooManyRequests] != s.Config.RegistrationPerHour+1 {
			t.Errorf("changes are answered with %v", counts)
		}
		s.Clock.Advance(time.Hour)
		document["client_name"] = "App"
		if got := done.change(t, s, document); got.status != http.StatusOK {
			t.Errorf("an hour later: %d %v", got.status, got.members)
		}
	})
}

// TestOperatorsSayStaysWhenAppsChange: what an operator has set stays when the app changes its registration.
func TestOperatorsSayStaysWhenAppsChange(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t), servertest.OpenRegistration, withDocuments)
	host := newPublisher(t, published)
	s.NewBrowser(t).Open(named(t, s, host.id()).Begin().Address)
	document := map[string]any{"redirect_uris": []string{servertest.ReturnURI}}
	done := register(t, s, http.MethodPost, endpoint(s), "", document)
	o := operator.New(s.Store, s.Store, "cli:1")
	for _, id := range []string{host.id(), done.text("client_id")} {
		if _, err := o.UpdateClient(t.Context(), id, func(c *client.Client) { c.Consent, c.TwoSteps = client.ConsentRemember, client.TwoStepsRequired }); err != nil {
			t.Fatal(err)
		}
	}
	document["client_name"] = "Another"
	done.change(t, s, document)
	host.document.Store(strings.Replace(published, "Editor", "Another", 1))
	s.Clock.Advance(10 * time.Minute)
	s.NewBrowser(t).Open(named(t, s, host.id()).Begin().Address)
	for _, id := range []string{host.id(), done.text("client_id")} {
		if c, err := s.Store.Client(t.Context(), id); err != nil || c.Name != "Another" || c.Consent != client.ConsentRemember || c.TwoSteps != client.TwoStepsRequired {
			t.Errorf("%s is %+v, %v", id, c, err)
		}
	}
}

// TestWhatOperatorsTakeOverIsManagedByThem: an app that an operator has registered in place of what registered itself, by an
// import, is no longer changed by the token that it had.
func TestWhatOperatorsTakeOverIsManagedByThem(t *testing.T) {
	t.Parallel()
	servertest.EachWith(t, servertest.OpenRegistration, func(t *testing.T, s *servertest.Site) {
		document := map[string]any{"redirect_uris": []string{servertest.ReturnURI}}
		done := register(t, s, http.MethodPost, endpoint(s), "", document)
		c, err := s.Store.Client(t.Context(), done.text("client_id"))
		if err != nil {
			t.Fatal(err)
		}
		c.RegisteredBy, c.ManagementHash, c.Consent = client.ByOperator, "", client.ConsentNever
		if _, err := operator.New(s.Store, s.Store, "cli:1").ImportClients(t.Context(), []operator.NewClient{{Client: c}}, true); err != nil {
			t.Fatal(err)
		}
		document["redirect_uris"] = []string{"https://attacker.example/cb"}
		if got := done.change(t, s, document); got.status != http.StatusUnauthorized {
			t.Errorf("it is changed by a stranger: %d %v", got.status, got.members)
		}
	})
}

// hostileValues are none of what a client may say anywhere, or only just.
func hostileValues() []string {
	return []string{
		`null`, `true`, `-1`, `1e999`, `123456789012345678901234567890`, `0.1`, `""`, `" "`, `"\u0000"`, `"\ud800"`, `"\udfff\ud800"`, "\"\xff\xfe\"", `"a\u0000b"`, `{}`, `[]`, `[ ]`, `[null]`, `[[]]`, `[{}]`, `[1]`, `["\u0000"]`, `[""]`, `["https://a.example/\u0000"]`,
		`{"keys":null}`, `{"keys":[null]}`, `{"keys":[{}]}`, `{"keys":[{"kty":"RSA","n":"","e":""}]}`, `{"keys":[{"kty":"RSA","n":"AA","e":"AA"}]}`, `{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}`, `{"keys":{}}`, `{"a":{"a":{"a":1}}}`,
		`"https://[::1"`, `"https://a.example:99999999999/"`, `"//"`, `"https://` + strings.Repeat("a", 5000) + `.example/"`, `"RS256"`, `"none"`, `"https://shop.example/\ud83d"`, `"https://user@shop.example/"`,
		strings.Repeat("[", 12000) + strings.Repeat("]", 12000), strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000),
	}
}

var registryNames = strings.Fields(`redirect_uris token_endpoint_auth_method grant_types response_types client_name client_uri logo_uri scope contacts tos_uri policy_uri jwks_uri jwks software_id software_version software_statement
	application_type sector_identifier_uri subject_type id_token_signed_response_alg id_token_encrypted_response_alg userinfo_signed_response_alg request_object_signing_alg token_endpoint_auth_signing_alg default_max_age require_auth_time default_acr_values
	initiate_login_uri request_uris post_logout_redirect_uris frontchannel_logout_uri frontchannel_logout_session_required backchannel_logout_uri backchannel_logout_session_required tls_client_certificate_bound_access_tokens tls_client_auth_subject_dn
	tls_client_auth_san_dns tls_client_auth_san_uri tls_client_auth_san_ip tls_client_auth_san_email require_signed_request_object require_pushed_authorization_requests introspection_signed_response_alg authorization_signed_response_alg
	dpop_bound_access_tokens client_id client_secret registration_access_token two_steps consent public CLIENT_ID Redirect_URIs`)

// TestHostileRegistrations: whatever stands in a member, the answer is a registration or a fault of the client's.
func TestHostileRegistrations(t *testing.T) {
	t.Parallel()
	servertest.EachWith(t, func(c *config.Config) {
		c.Registration, c.RegistrationPerHour, c.RegistrationAuthMethods = "open", 1000, client.AuthMethods
	}, func(t *testing.T, s *servertest.Site) {
		base := map[string]string{"redirect_uris": `["https://shop.example/cb"]`}
		for i, name := range registryNames {
			for j, value := range hostileValues() {
				if (i+j)%8 != 0 { // each name with some, each value with some; all of them were seen to hold, and take long
					continue
				}
				members := []string{`"` + name + `":` + value}
				for other, text := range base {
					if other != name {
						members = append(members, `"`+other+`":`+text)
					}
				}
				body := "{" + strings.Join(members, ",") + "}"
				got := register(t, s, http.MethodPost, endpoint(s), "", body)
				if got.status/100 != 4 && got.status != http.StatusCreated {
					t.Errorf("%.200s: %d %v", body, got.status, got.members)
				}
				if got.status == http.StatusCreated {
					again := register(t, s, http.MethodGet, got.text("registration_client_uri"), got.text("registration_access_token"), "")
					if again.status != http.StatusOK {
						t.Errorf("%.200s is read with %d", body, again.status)
					}
				}
			}
		}
	})
}
