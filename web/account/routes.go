package account

import (
	"slices"

	"vestibule/web/ui"
)

// Routes are the pages of the account, but for the download of recovery codes, whose handler is DownloadCodes: it serves
// sign-ins as well.
func (s *Server) Routes() []ui.Route {
	return slices.Concat(s.appRoutes(), s.passwordRoutes(), []ui.Route{
		ui.Get("/account", s.RedirectTo("/account/security")),
		ui.Get("/account/security", s.requireSignedIn(s.securityPage)),
		ui.Get("/account/activity", s.requireSignedIn(s.activityPage)),
		ui.Post("/account/reset/cancel", s.requireSignedIn(s.postCancelOwnReset)),
		ui.Get("/account/authenticators/new", s.requireSignedIn(s.requireReauth(s.requireEnrolmentAllowed(s.enrolStart)))),
		ui.Get("/account/setup/{kind}", s.onKind(s.enrolPage)),
		ui.Post("/account/setup/{kind}", s.onKind(s.postEnrol)),
		ui.Get("/account/authenticators/new/qr.png", s.requireSignedIn(s.requireReauth(s.qrPNG))),
		ui.Get("/account/authenticators/{id}/rename", s.requireSignedIn(s.renamePage)),
		ui.Post("/account/authenticators/{id}/rename", s.requireSignedIn(s.postRename)),
		ui.Get("/account/authenticators/{id}/remove", s.requireSignedIn(s.requirePassword(s.removePage))),
		ui.Post("/account/authenticators/{id}/remove", s.requireSignedIn(s.requirePassword(s.postRemove))),
		ui.Post("/account/sessions/end", s.requireSignedIn(s.postEndOther)),
		ui.Post("/account/sessions/end-others", s.requireSignedIn(s.postEndOthers)),
		ui.Post("/account/browsers/forget", s.requireSignedIn(s.postForgetBrowser)),
		ui.Get("/account/recovery-codes", s.requireSignedIn(s.requireReauth(s.codesPage))),
		ui.Post("/account/recovery-codes", s.requireSignedIn(s.requireReauth(s.postCodes))),

		ui.Get("/reset/cancel", s.cancelResetPage),
		ui.Post("/reset/cancel", s.postCancelReset),
		ui.Get("/reset/cancelled", s.resetCancelledPage),
	})
}

// passwordRoutes are the pages of the password, at the address too that password managers look for (W3C, A Well-Known URL for
// Changing Passwords): that is below the root of a host, and so is not claimed by pages below a prefix.
func (s *Server) passwordRoutes() []ui.Route {
	if s.Changer == nil {
		return nil
	}
	routes := []ui.Route{
		ui.Get("/account/password", s.requireSignedIn(s.requireFactor(s.passwordPage))),
		ui.Post("/account/password", s.requireSignedIn(s.requireFactor(s.postPassword))),
	}
	if s.Prefix == "" {
		routes = append(routes, ui.Get("/.well-known/change-password", s.RedirectTo("/account/password")))
	}
	return routes
}

// appRoutes are the pages of apps that can use the account. Nobody knows them: none.
func (s *Server) appRoutes() []ui.Route {
	if s.Consents == nil {
		return nil
	}
	return []ui.Route{
		ui.Get("/account/apps", s.requireSignedIn(s.appsPage)),
		ui.Get("/account/apps/remove", s.requireSignedIn(s.removeAppPage)),
		ui.Post("/account/apps/remove", s.requireSignedIn(s.postRemoveApp)),
	}
}
