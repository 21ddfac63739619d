package terminal

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"

	"github.com/urfave/cli/v3"
)

// helpCommand explains a command, or lists those that begin with the words.
func helpCommand() *cli.Command {
	return &cli.Command{
		Name: "help", ArgsUsage: "[COMMAND...]", Usage: "explain a command, or list those that begin with the words",
		Action: func(_ context.Context, c *cli.Command) error {
			about := c.Root()
			for _, word := range c.Args().Slice() {
				next := about.Command(word)
				if next == nil {
					return unknown(about, word)
				}
				about = next
			}
			show(c.Root().Writer, about)
			return nil
		},
	}
}

// versionCommand does what --version does.
func versionCommand() *cli.Command {
	return &cli.Command{
		Name: "version", Usage: "print the version",
		Action: func(_ context.Context, c *cli.Command) error { return printVersion(c) },
	}
}

func printVersion(c *cli.Command) error {
	_, err := fmt.Fprintf(c.Root().Writer, "vestibule %s (%s %s/%s)\n", c.Root().Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

const (
	// listTemplate has a line for each command, however many words it has.
	listTemplate = `{{define "list"}}{{range .VisibleCommands}}{{if .VisibleCommands}}{{template "list" .}}{{else}}` +
		`  {{.FullName}}{{with .ArgsUsage}} {{.}}{{end}}{{"\t"}}{{.Usage}}{{"\n"}}{{end}}{{end}}{{end}}{{template "list" .}}`
	groupTemplate = `{{.FullName}}: {{.Usage}}` + "\n\n" + listTemplate + "\n" + `vestibule COMMAND --help tells more.` + "\n"
	rootTemplate  = "Vestibule is an OpenID Connect authorization server.\n\n" + listTemplate + "\n" + `vestibule COMMAND --help tells more.` + "\n"
	// commandTemplate lists the flags, with the types and defaults that the library knows.
	commandTemplate = `{{.FullName}}: {{.Usage}}` + "\n\n" + `usage: {{.FullName}}{{with .ArgsUsage}} {{.}}{{end}} [flags]` + "\n" +
		`{{range .VisibleFlags}}  {{.}}` + "\n" + `{{end}}`
)

// setTemplates gives the library our templates, which it keeps in variables of its own.
var setTemplates = sync.OnceFunc(func() {
	cli.RootCommandHelpTemplate, cli.SubcommandHelpTemplate, cli.CommandHelpTemplate = rootTemplate, groupTemplate, commandTemplate
	cli.VersionPrinter = func(c *cli.Command) { printVersion(c) }
})

// show writes the help of a command or of several.
func show(w io.Writer, c *cli.Command) {
	template := commandTemplate
	switch {
	case c.Root() == c:
		template = rootTemplate
	case len(c.VisibleCommands()) > 0:
		template = groupTemplate
	}
	cli.HelpPrinter(w, template, c)
}

// list has a line for each command that begins with the words of c.
func list(c *cli.Command) string {
	var b strings.Builder
	cli.HelpPrinter(&b, listTemplate, c)
	return strings.TrimRight(b.String(), "\n")
}

// unknown says which commands there are behind the words of c, of which the word given, if there is one, is none.
func unknown(c *cli.Command, word string) error {
	words := strings.TrimPrefix(strings.TrimPrefix(c.FullName(), "vestibule"), " ")
	no := fmt.Sprintf("there is no command %q", strings.TrimSpace(words+" "+word)) + didYouMean(c.FullName()+" ", word, commandNames(c))
	switch {
	case words == "" && word == "":
		return UsageError("say what to do\n" + list(c))
	case words == "":
		return UsageError(no + "\n`vestibule help` lists the commands")
	case word == "":
		return UsageError("say what to do with " + words + "\n" + list(c))
	}
	return UsageError("say what to do with " + words + "\n" + no + "\n" + list(c))
}

func commandNames(c *cli.Command) []string {
	var names []string
	for _, sub := range c.VisibleCommands() {
		names = append(names, sub.Name)
	}
	return names
}
