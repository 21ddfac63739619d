package servertest

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Node is a program under way that speaks JSON lines.
type Node struct {
	T   *testing.T
	in  io.WriteCloser
	out *bufio.Reader
}

// StartNode runs a script beside the files of a folder and the packages of npm, which are in modules. It ends with the test.
func StartNode(t *testing.T, modules, folder, name, script string) *Node {
	t.Helper()
	dir := t.TempDir() // Node looks for packages beside the script
	if err := errors.Join(
		os.Symlink(modules, filepath.Join(dir, "node_modules")),
		os.CopyFS(dir, os.DirFS(folder)),
		os.WriteFile(filepath.Join(dir, name), []byte(script), 0o600),
	); err != nil {
		t.Fatalf("lay out the program: %v", err)
	}
	n := &Node{T: t}
	cmd := exec.CommandContext(t.Context(), "node", filepath.Join(dir, name))
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatalf("node: %v", err)
	}
	n.out = bufio.NewReader(out)
	if n.in, err = cmd.StdinPipe(); err != nil {
		t.Fatalf("node: %v", err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("node: %v", err)
	}
	t.Cleanup(func() { n.in.Close(); cmd.Wait() })
	return n
}

// Write gives the program a line.
func (n *Node) Write(value any) {
	n.T.Helper()
	if err := json.NewEncoder(n.in).Encode(value); err != nil {
		n.T.Fatalf("write to node: %v", err)
	}
}

// Read takes a line from the program.
func (n *Node) Read(value any) {
	n.T.Helper()
	line, err := n.out.ReadBytes('\n')
	if err != nil {
		n.T.Fatalf("read from node: %v", err)
	}
	if err := json.Unmarshal(line, value); err != nil {
		n.T.Fatalf("read from node %s: %v", line, err)
	}
}
