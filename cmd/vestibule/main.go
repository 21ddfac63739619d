// Command vestibule is an OpenID Connect authorization server with a one-time-code step between
// the password and consent. Start at the table of commands below; package server puts the parts
// together.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as it is under nohup
		ends = append(ends, syscall.SIGHUP) // the terminal was closed
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends a program that does not stop
	w := &env{os.Environ(), os.Stdin, os.Stdout, os.Stderr}
	os.Exit(report(w, run(ctx, os.Args[1:], w)))
}

// env is what a command sees of its surroundings.
type env struct {
	environ []string
	stdin   io.Reader
	stdout  io.Writer
	stderr  io.Writer
}

var commands = []command{
	{"demo", "", "try everything on this machine, with made-up users and a sample app", demo},
	{"serve", "", "run the server", serve},
	{"config check", "", "say all that is wrong with the settings", configCheck},
	{"migrate up", "", "bring the database to the schema of this program", migrateUp},
	{"migrate status", "", "list the migrations and whether they ran", migrateStatus},
	{"secret-key generate", "", "print a new secret key", secretKeyGenerate},
	{"secret-key list", "", "name the secret keys of the settings and say what each has sealed", secretKeyList},
	{"secret-key rotate", "", "seal with the newest secret key what older ones have sealed", secretKeyRotate},
	{"user create", "NAME", "add a user", userCreate},
	{"user list", "", "list the users", userList},
	{"user get", "NAME", "show a user and the state of two-step verification", userGet},
	{"user update", "NAME", "change a user's names, address, groups or password, or shut the user out", userUpdate},
	{"user unlock", "NAME", "forget a user's wrong passwords and codes", userUnlock},
	{"mfa plan", "", "list the users whom a policy would make set up two-step verification", mfaPlan},
	{"user totp list", "NAME", "show a user's authenticators", userTOTPList},
	{"user totp add", "NAME", "give a user an authenticator that another product has set up", userTOTPAdd},
	{"user totp remove", "NAME", "remove one of a user's authenticators", userTOTPRemove},
	{"user totp export", "[NAME]", "write authenticators with their secrets, encrypted with a passphrase", userTOTPExport},
	{"user totp import", "FILE", "put back what was exported", userTOTPImport},
	{"user totp reset", "NAME", "remove a user's second factor, and sign the user out everywhere, now or later", userTOTPReset},
	{"user enrol-link", "NAME", "make a link with which a user sets up an authenticator, once", userEnrolLink},
	{"client create", "ID", "register an app", clientCreate},
	{"client list", "", "list the apps", clientList},
	{"client update", "ID", "change an app", clientUpdate},
	{"client delete", "ID", "remove an app and all its tokens", clientDelete},
	{"debug claims", "", "say what a client would learn of a user's sign-ins, and why", debugClaims},
	{"mail test", "ADDRESS", "send a test mail, and say what is wrong if that fails", mailTest},
	{"audit list", "", "show what happened, the newest first", auditList},
	{"audit export", "", "write all that happened as lines of JSON", auditExport},
	{"audit verify", "", "check that the audit log is as it was written", auditVerify},
	{"audit head", "", "print where the chain of events ends, to keep elsewhere", auditHead},
	{"version", "", "print the version", version},
}
