package doctest

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// notRun are blocks that other tests stand for: demo has tests of its own, .ci/test is what runs this one, and TestCheckout
// is in another module.
var notRun = map[string]string{
	fromCheckout:                    "docs/doctest/checkout_test.go",
	"go run ./cmd/vestibule demo\n": "cmd/vestibule/main.go",
	".ci/test\n":                    ".ci/test",
}

// TestShell runs the shell blocks of all documents in one folder, as one person who follows them would: first the
// block that starts a server, then, while that runs, the others.
func TestShell(t *testing.T) {
	dir := t.TempDir()
	writeInputs(t, dir)
	script := filepath.Join(dir, "script.sh")
	if err := os.WriteFile(script, []byte(shellScript(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(program(t))+":"+os.Getenv("PATH"), "PASSWORD="+password,
		"VESTIBULE_LISTEN="+freeAddress(t), "VESTIBULE_ADMIN_LISTEN="+freeAddress(t))
	cmd.WaitDelay = time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("the last block that begins here fails: %v\n%s", err, out)
	}
}

const password = "cobalt heron umbrella"

// writeInputs makes the files that readers have before they come to the blocks.
func writeInputs(t *testing.T, dir string) {
	t.Helper()
	for name, text := range map[string]string{
		"password.txt":   password,
		"passphrase.txt": "lantern gravel seventeen orchids",
		"secret.txt":     "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// shellScript is all blocks, each behind its place in the documents.
func shellScript(t *testing.T) string {
	t.Helper()
	start := Open(t, "docs/operators.md")
	var b strings.Builder
	b.WriteString("set -euo pipefail\n")
	b.WriteString(started(t, start.Block(t, "sh")))
	blocks, quick := 0, quickly(t)
	for _, d := range All(t) {
		for i, block := range shellBlocks(d) {
			if d.Name == start.Name && i == 0 {
				continue
			}
			blocks++
			if file, ok := notRun[block.Text]; ok {
				mustExist(t, file)
				continue
			}
			fmt.Fprintf(&b, "echo '== %s:%d'\n%s", d.Name, block.Line, quick.Replace(block.Text))
		}
	}
	if blocks < len(notRun)+3 {
		t.Fatalf("there are only %d shell blocks", blocks)
	}
	return b.String()
}

// quickly has a block that measures do so for a moment, where nobody else listens.
func quickly(t *testing.T) *strings.Replacer {
	t.Helper()
	_, first, _ := strings.Cut(freeAddress(t), ":")
	_, second, _ := strings.Cut(freeAddress(t), ":")
	return strings.NewReplacer("9480", first, "9481", second, "--count 10000", "--count 40", "--clients 1,16 --duration 10s", "--clients 2 --duration 50ms")
}

func shellBlocks(d Document) []Block {
	var blocks []Block
	for _, block := range d.Blocks() {
		if block.Language == "sh" {
			blocks = append(blocks, block)
		}
	}
	return blocks
}

func mustExist(t *testing.T, file string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(Root(t), file)); err != nil {
		t.Error(err)
	}
}

// started is the block that starts a server, on SQLite, and the users of the other blocks. What it builds is there
// already: the program of these tests.
func started(t *testing.T, block string) string {
	t.Helper()
	for _, change := range [][2]string{
		{"go build -o vestibule ./cmd/vestibule\n", "ln -s " + program(t) + " vestibule\n"},
		{"'postgres://vestibule:password@db.example.com/vestibule'", "sqlite:vestibule.db"},
		{"./vestibule serve\n", waiting},
	} {
		if !strings.Contains(block, change[0]) {
			t.Fatalf("the block that starts a server has not %q", change[0])
		}
		block = strings.Replace(block, change[0], change[1], 1)
	}
	return "echo '== start'\n" + block
}

// waiting runs the server until the end of the script.
const waiting = `./vestibule serve >serve.log 2>&1 &
trap "kill $! && wait $! || cat serve.log" EXIT
for i in $(seq 100); do
	(: </dev/tcp/${VESTIBULE_LISTEN/:/\/}) 2>/dev/null && break
	sleep 0.1
done
(: </dev/tcp/${VESTIBULE_LISTEN/:/\/})
vestibule user create ben --email ben@example.com --password-file password.txt
vestibule user totp add ben --secret-file secret.txt
`
