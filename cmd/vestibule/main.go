// Command vestibule is an OpenID Connect authorization server with a one-time-code step between
// the password and consent. Start at the table of commands below; package server puts the parts
// together, and package terminal speaks with whoever runs a command.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v3"

	"vestibule/cmd/vestibule/demo"
	"vestibule/cmd/vestibule/server"
	"vestibule/cmd/vestibule/terminal"
)

func main() {
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as it is under nohup
		ends = append(ends, syscall.SIGHUP) // the terminal was closed
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends a program that does not stop
	w := &env{terminal.Terminal{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}, os.Environ()}
	os.Exit(w.Report(run(ctx, os.Args[1:], w)))
}

// env is what a command sees of its surroundings.
type env struct {
	terminal.Terminal
	environ []string // where the settings of the environment are
}

// run is the program without the process around it.
func run(ctx context.Context, args []string, w *env) error {
	return w.Program(server.Version(), commands(w)...).Run(ctx, append([]string{"vestibule"}, args...))
}

// commands are all that the program can do. Each is in the file of its name, with its flags, what it does and what it
// prints; demo is a room of its own. Package terminal adds version and help.
func commands(w *env) []*cli.Command {
	return []*cli.Command{
		demo.Command(&w.Terminal, operations),
		serve(w),
		hydraCommand(w),
		group("config", "the settings", configCheck(w)),
		group("migrate", "the schema of the database", migrateUp(w), migrateStatus(w)),
		group("secret-key", "the keys that seal secrets in the database", secretKeyGenerate(w), secretKeyList(w), secretKeyRotate(w)),
		group("key", "the keys that sign tokens", keyList(w), keyRotate(w), keyRetire(w)),
		group("user", "users and their second factors",
			userCreate(w), userList(w), userGet(w), userFind(w), userUpdate(w), userUnlock(w), userSignOut(w),
			group("totp", "authenticators of users",
				userTOTPList(w), userTOTPAdd(w), userTOTPRemove(w), userTOTPExport(w), userTOTPImport(w), userTOTPReset(w)),
			userEnrolLink(w),
			group("session", "where users are signed in", userSessionList(w), userSessionEnd(w)),
			group("consent", "apps that can use the accounts of users", userConsentList(w), userConsentRevoke(w))),
		group("mfa", "who must have two-step verification", mfaPlan(w)),
		group("client", "apps", clientCreate(w), clientList(w), clientGet(w), clientUpdate(w), clientDelete(w), clientExport(w), clientImport(w),
			group("secret", "what apps prove who they are with", clientSecretRotate(w))),
		group("registration", "apps that register themselves", group("token", "initial access tokens", registrationTokenCreate(w), registrationTokenList(w), registrationTokenRevoke(w))),
		group("debug", "why something is as it is", debugClaims(w)),
		group("mail", "how mail leaves", mailTest(w)),
		group("bench", "how fast a server is", benchSeed(w), benchRun(w), benchClean(w)),
		group("audit", "what happened", auditList(w), auditExport(w), auditVerify(w), auditHead(w)),
	}
}

// group is a word that several commands begin with.
func group(word, about string, commands ...*cli.Command) *cli.Command {
	return &cli.Command{Name: word, Usage: about, Commands: commands}
}
