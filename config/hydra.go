package config

import "slices"

// hydraRules refuse what would be without effect: the way to a Hydra that is not named, and what Hydra decides itself where
// one is. What is wrong with the way is for whoever goes it to say.
func hydraRules(c Config) []rule {
	on, usual := c.HydraAdminURL != "", Default()
	const alone, theirs = "is set without hydra_admin_url", "is Hydra's to decide, in its own settings; leave it out beside hydra_admin_url"
	return []rule{
		{"hydra_admin_token", !on && c.HydraAdminToken != "", alone},
		{"hydra_admin_cert_file", !on && c.HydraAdminCertFile != "", alone},
		{"hydra_admin_key_file", !on && c.HydraAdminKeyFile != "", alone},
		{"hydra_admin_ca_file", !on && c.HydraAdminCAFile != "", alone},
		{"fetch_networks", on && len(c.FetchNetworks) > 0, theirs},
		{"client_certificate_format", on && c.ClientCertificateFormat != "", theirs},
		{"client_certificate_header", on && c.ClientCertificateHeader != "", theirs},
		{"client_certificate_ca_file", on && c.ClientCertificateCAFile != "", theirs},
		{"mtls_origin", on && c.MTLSOrigin != "", theirs},
		{"signing_algorithm", on && c.SigningAlgorithm != usual.SigningAlgorithm, theirs},
		{"dpop_algorithms", on && !slices.Equal(c.DPoPAlgorithms, usual.DPoPAlgorithms), theirs},
		{"dpop_nonce", on && c.DPoPNonce, theirs},
		{"signing_key_lifetime", on && c.SigningKeyLifetime != usual.SigningKeyLifetime, theirs},
		{"signing_key_announce", on && c.SigningKeyAnnounce != usual.SigningKeyAnnounce, theirs},
		{"client_metadata_documents", on && c.ClientMetadataDocuments, theirs},
		{"client_metadata_hosts", on && len(c.ClientMetadataHosts) > 0, theirs},
		{"registration", on && c.Registration != usual.Registration, theirs},
		{"registration_scopes", on && !slices.Equal(c.RegistrationScopes, usual.RegistrationScopes), theirs},
		{"registration_grant_types", on && !slices.Equal(c.RegistrationGrantTypes, usual.RegistrationGrantTypes), theirs},
		{"registration_auth_methods", on && !slices.Equal(c.RegistrationAuthMethods, usual.RegistrationAuthMethods), theirs},
		{"registration_redirects", on && len(c.RegistrationRedirects) > 0, theirs},
		{"registration_audiences", on && len(c.RegistrationAudiences) > 0, theirs},
		{"registration_per_hour", on && c.RegistrationPerHour != usual.RegistrationPerHour, theirs},
		{"registration_total", on && c.RegistrationTotal != usual.RegistrationTotal, theirs},
		{"registration_unused", on && c.RegistrationUnused != usual.RegistrationUnused, theirs},
		{"require_pushed_requests", on && c.RequirePushedRequests, theirs},
		{"pushed_request_lifetime", on && c.PushedRequestLifetime != usual.PushedRequestLifetime, theirs},
		{"device_code_lifetime", on && c.DeviceCodeLifetime != usual.DeviceCodeLifetime, theirs},
		{"code_lifetime", on && c.CodeLifetime != usual.CodeLifetime, theirs},
		{"access_token_lifetime", on && c.AccessTokenLifetime != usual.AccessTokenLifetime, theirs},
		{"id_token_lifetime", on && c.IDTokenLifetime != usual.IDTokenLifetime, theirs},
		{"refresh_token_idle", on && c.RefreshTokenIdle != usual.RefreshTokenIdle, theirs},
		{"refresh_token_lifetime", on && c.RefreshTokenLifetime != usual.RefreshTokenLifetime, theirs},
		{"logout_token_retry", on && c.LogoutTokenRetry != usual.LogoutTokenRetry, theirs},
	}
}
