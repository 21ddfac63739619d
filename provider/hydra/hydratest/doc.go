// Package hydratest is a small Ory Hydra for tests: it keeps what the login and consent app of a Hydra can see of one,
// in memory and with a clock that a test can move.
//
// Start one with Start, register a Client, and send a browser to AuthURL. What it does by itself is what a Hydra v26 was
// seen to do: the id of a session is new after prompt=login and after max_age ran out, amr and acr are not part of the
// session but what the last accept of a login said, auth_time is when a login was last accepted that was not skipped, a
// challenge belongs to the browser that began, and prompt=none needs a consent that was accepted to be remembered.
//
// It never checks what only a client can get wrong, and is no server for anything but tests.
package hydratest
