package registration

import "slices"

// registry are the names that a client may say (the IANA registry of OAuth Dynamic Client Registration Metadata). What the
// program knows beside them is its own, and an operator's to say: users may have to have two steps, or need not be asked.
var registry = []string{
	"redirect_uris", "token_endpoint_auth_method", "grant_types", "response_types", "client_name", "client_uri", "logo_uri", "scope",
	"contacts", "tos_uri", "policy_uri", "jwks_uri", "jwks", "software_id", "software_version",
	"application_type", "sector_identifier_uri", "subject_type", "id_token_signed_response_alg", "id_token_encrypted_response_alg",
	"id_token_encrypted_response_enc", "userinfo_signed_response_alg", "userinfo_encrypted_response_alg", "userinfo_encrypted_response_enc",
	"request_object_signing_alg", "request_object_encryption_alg", "request_object_encryption_enc", "token_endpoint_auth_signing_alg",
	"default_max_age", "require_auth_time", "default_acr_values", "initiate_login_uri", "request_uris",
	"post_logout_redirect_uris", "frontchannel_logout_uri", "frontchannel_logout_session_required",
	"backchannel_logout_uri", "backchannel_logout_session_required",
	"tls_client_certificate_bound_access_tokens", "tls_client_auth_subject_dn", "tls_client_auth_san_dns", "tls_client_auth_san_uri",
	"tls_client_auth_san_ip", "tls_client_auth_san_email", "require_signed_request_object", "require_pushed_authorization_requests",
	"introspection_signed_response_alg", "introspection_encrypted_response_alg", "introspection_encrypted_response_enc",
	"authorization_signed_response_alg", "authorization_encrypted_response_alg", "authorization_encrypted_response_enc",
	"authorization_details_types", "dpop_bound_access_tokens",
}

// isClients reports whether a client may say what has that name.
func isClients(name string) bool { return slices.Contains(registry, name) }
