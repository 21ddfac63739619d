package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/term"
)

// largestInput is far above any password or client secret.
const largestInput = 64 << 10

// terminal is the standard input if a person sits at it; else nil.
func (w *env) terminal() *os.File {
	if file, ok := w.stdin.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		return file
	}
	return nil
}

// readSecret reads a secret from the file that the flag names, or from standard input for "-": a person is asked for it
// there, and nothing of what is typed is shown.
func (w *env) readSecret(ctx context.Context, flag, path string) (string, error) {
	if path == "-" && w.terminal() != nil {
		return w.ask(ctx, w.say(prompts[flag], nil))
	}
	return w.readInput(flag, path)
}

// readNewSecret is readSecret for what nobody could type again if it were mistyped: a person is asked twice.
func (w *env) readNewSecret(ctx context.Context, flag, path string) (string, error) {
	if path != "-" || w.terminal() == nil {
		return w.readInput(flag, path)
	}
	first, err := w.ask(ctx, w.say(prompts[flag], nil))
	if err != nil {
		return "", err
	}
	again, err := w.ask(ctx, w.say("command.ask.again", nil))
	if err == nil && again != first {
		err = errors.New("that was not the same twice; nothing has changed")
	}
	return first, err
}

// prompts ask for what the file of a flag would hold.
var prompts = map[string]string{
	"password-file": "command.ask.password", "passphrase-file": "command.ask.passphrase", "secret-file": "command.ask.secret",
}

// ask reads a line from the terminal, without an echo. Whoever ends the program meanwhile has the echo back.
func (w *env) ask(ctx context.Context, prompt string) (string, error) {
	fd := int(w.terminal().Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	fmt.Fprint(w.stderr, prompt+" ")
	defer fmt.Fprintln(w.stderr)
	type line struct {
		text []byte
		err  error
	}
	typed := make(chan line, 1)
	go func() {
		text, err := term.ReadPassword(fd)
		typed <- line{text, err}
	}()
	select {
	case l := <-typed:
		return string(l.text), l.err
	case <-ctx.Done():
		return "", errors.Join(errors.New("interrupted; nothing has changed"), term.Restore(fd, before))
	}
}

// readInput reads a file, or standard input for "-", without the newline at the end.
func (w *env) readInput(flag, path string) (string, error) {
	in := w.stdin
	if path != "-" {
		file, err := os.Open(path)
		var why *fs.PathError
		if flag == "secret-file" && errors.As(err, &why) { // perhaps the path is the secret itself: it is not shown again
			return "", fmt.Errorf("--%s: the file cannot be opened: %w", flag, why.Err)
		}
		if err != nil {
			return "", fmt.Errorf("--%s: %w", flag, err)
		}
		defer file.Close()
		in = file
	}
	content, err := io.ReadAll(io.LimitReader(in, largestInput+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("--%s: %w", flag, err)
	case len(content) > largestInput:
		return "", fmt.Errorf("--%s: the input is too large", flag)
	}
	content = bytes.TrimSuffix(bytes.TrimSuffix(content, []byte("\n")), []byte("\r"))
	return string(content), nil
}
