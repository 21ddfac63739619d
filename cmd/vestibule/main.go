// Command vestibule is an OpenID Connect authorization server with a one-time-code step between
// the password and consent. Start at the table of commands below; serve.go puts the parts
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
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends a program that does not stop
	w := &world{os.Environ(), os.Stdin, os.Stdout, os.Stderr}
	os.Exit(report(w, run(ctx, os.Args[1:], w)))
}

// world is what a command sees of its surroundings.
type world struct {
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
	{"user create", "NAME", "add a user", userCreate},
	{"user list", "", "list the users", userList},
	{"user get", "NAME", "show a user and the state of two-step verification", userGet},
	{"user totp reset", "NAME", "remove a user's second factor, and sign the user out everywhere", userTOTPReset},
	{"client create", "ID", "register an app", clientCreate},
	{"client list", "", "list the apps", clientList},
	{"client delete", "ID", "remove an app and all its tokens", clientDelete},
	{"version", "", "print the version", version},
}
