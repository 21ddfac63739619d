package terminal

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

// Attended reports whether a person sits at the standard input.
func (t *Terminal) Attended() bool { return t.keyboard() != nil }

// keyboard is the standard input if a person sits at it; else nil.
func (t *Terminal) keyboard() *os.File {
	if file, ok := t.Stdin.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		return file
	}
	return nil
}

// ReadSecret reads a secret from the file at the path that the flag has, or from standard input for "-": a person is asked
// for it there, by the prompt of the flag, and nothing of what is typed is shown. The newline at its end is left out, and
// nothing, or more than 64 kB, is an error. Errors name the flag and, but for secret-file, the path; never what was read.
func (t *Terminal) ReadSecret(ctx context.Context, flag, path string) (string, error) {
	if path == "-" && t.Attended() {
		return t.ask(ctx, t.Say(prompts[flag], nil))
	}
	return t.readInput(flag, path)
}

// ReadNewSecret is ReadSecret for what nobody could type again if it were mistyped: a person is asked twice, and it is an
// error if the answers differ.
func (t *Terminal) ReadNewSecret(ctx context.Context, flag, path string) (string, error) {
	if path != "-" || !t.Attended() {
		return t.readInput(flag, path)
	}
	first, err := t.ask(ctx, t.Say(prompts[flag], nil))
	if err != nil {
		return "", err
	}
	again, err := t.ask(ctx, t.Say("command.ask.again", nil))
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
func (t *Terminal) ask(ctx context.Context, prompt string) (string, error) {
	fd := int(t.keyboard().Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	fmt.Fprint(t.Stderr, prompt+" ")
	defer fmt.Fprintln(t.Stderr)
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
		if l.err == nil && len(l.text) == 0 {
			l.err = errors.New("nothing was entered; nothing has changed")
		}
		return string(l.text), l.err
	case <-ctx.Done():
		return "", errors.Join(errors.New("interrupted; nothing has changed"), term.Restore(fd, before))
	}
}

// readInput reads a file, or standard input for "-", without the newline at the end.
func (t *Terminal) readInput(flag, path string) (string, error) {
	in := t.Stdin
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
	if len(content) == 0 {
		return "", fmt.Errorf("--%s: the input is empty", flag)
	}
	return string(content), nil
}
