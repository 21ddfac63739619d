package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"vestibule/config"
	"vestibule/mfa"
	"vestibule/provider/audit"
	"vestibule/provider/hydra"
	"vestibule/provider/interaction"
	"vestibule/web"
	"vestibule/web/usercode"
)

// hydraTime is how long a sign-in may take that a Hydra asks for: as long as that waits by default
// (ttl.login_consent_request).
const hydraTime = 30 * time.Minute

// hydraAdmin is the way to Hydra's admin API.
func hydraAdmin(c config.Config) (*hydra.Admin, error) {
	return hydra.NewAdmin(hydra.AdminConfig{
		URL: c.HydraAdminURL, Token: c.HydraAdminToken, CertFile: c.HydraAdminCertFile, KeyFile: c.HydraAdminKeyFile, CAFile: c.HydraAdminCAFile,
	})
}

// composeHydra has sign-ins come from a Hydra.
func (s *Server) composeHydra(c config.Config, keys *mfa.Keyring) (web.Source, error) {
	admin, err := hydraAdmin(c)
	if err != nil {
		return web.Source{}, err
	}
	s.audit.Hooks = append(s.audit.Hooks, RevocationHook(s.store))
	flows := interaction.NewFlows(s.store, keys, hydraTime, s.now)
	s.hydra, err = hydra.New(hydra.Config{
		Admin: admin, Flows: flows, Accounts: s.accounts, Sessions: s.store, Sealer: keys, Journal: audit.Journal{Recorder: s.audit, Atomic: s.store.Atomic},
		UserCodes: usercode.Guesses{Counter: s.store, Refunds: s.refunds, Limits: userCodeLimits(c)}, Address: c.Issuer, Levels: Levels(c),
		Remember: c.SessionLifetime, Now: s.now,
	})
	if err != nil {
		return web.Source{}, fmt.Errorf("hydra: %w", err)
	}
	return web.Source{Issuer: c.Issuer, Engine: s.hydra, Flows: flows, Clients: s.hydra, TokensElsewhere: true}, nil
}

// sourceCheck is the condition of readiness of whatever asks for sign-ins.
func (s *Server) sourceCheck(ctx context.Context) check {
	if s.hydra == nil {
		return check{"signing_key", hasKey(ctx, s.store)}
	}
	if err := s.hydra.Admin.Ready(ctx); err != nil {
		s.log.DebugContext(ctx, "hydra", "error", err)
		return check{"hydra", errors.New("the admin API of Ory Hydra does not answer")}
	}
	return check{"hydra", nil}
}
