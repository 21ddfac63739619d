// Package hydra has the pages sign users in for an Ory Hydra, as its login, consent, logout, device and error app.
//
// Admin calls Hydra's admin API. What it reads of a challenge is what Hydra has made; a challenge itself is a secret of
// the browser that it was made for, and is in no error and no log.
package hydra
