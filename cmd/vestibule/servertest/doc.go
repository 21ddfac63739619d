// Package servertest has whole servers for tests: a Site is one or several servers on SQLite or PostgreSQL, behind one
// address and with a Clock that only the test moves. A Browser without scripts opens its Pages, fills in their forms and
// follows their links; a Tab does so in a real Chromium. A Phone makes one-time codes, a Client is a relying party and an
// Inspector an API, a Mailbox gets the mails, a Shell has processes for servers, and Proxy and FaultProxy have the database
// fail.
//
//	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
//		s.AddUser("ana")
//		v := s.NewClient(t, "shop").Begin()
//		v.Finish(v.SignIn(s.NewBrowser(t), "ana").Allow()).Authenticated(t, "aal1", s.Clock.Now(), "pwd")
//	})
//
// Every page that a Browser meets is held to what all pages have to be. When a test ends, its logs and its database are
// searched for the secrets that were seen: passwords, codes, cookies, tokens and keys.
//
// PostgreSQL is the server that VESTIBULE_TEST_POSTGRES names, where each test has a schema, Chromium the program that
// VESTIBULE_TEST_BROWSER names. Without them their tests are skipped, unless VESTIBULE_TEST_REQUIRE is set.
package servertest
