package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"vestibule/provider/client"
)

// maxKeyFile is how many bytes a key set may have: more than the longest keys need, as many as a set may have.
const maxKeyFile = 1 << 20

// keyFile is the value of a flag that names the file of a key set. That is read once, for it may be a pipe, and what the keys
// are is checked with the rest.
type keyFile struct {
	path string
	keys []byte // nil: no file was named
}

// Set reads the file, or says why it cannot be taken.
func (f *keyFile) Set(path string) error {
	data, err := readKeyFile(path)
	var why *fs.PathError
	switch {
	case errors.As(err, &why): // which says the path once more
		return why.Err
	case err != nil:
		return err
	case !json.Valid(data):
		return errors.New("it is no JSON")
	}
	f.path, f.keys = path, data
	return nil
}

// String is the path.
func (f *keyFile) String() string {
	if f == nil {
		return ""
	}
	return f.path
}

// Get is the value itself.
func (f *keyFile) Get() any { return f }

func readKeyFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxKeyFile+1))
	if err == nil && len(data) > maxKeyFile {
		err = fmt.Errorf("it is longer than %d MiB", maxKeyFile>>20)
	}
	return data, err
}

// textFlag has one value. missing is what an app has that is registered without it.
func textFlag(name, usage, missing string, set func(*client.Client, string)) clientFlag {
	return clientFlag{
		name:  name,
		flag:  func() cli.Flag { return &cli.StringFlag{Name: name, Usage: usage, DefaultText: missing} },
		apply: func(c *cli.Command, to *client.Client) { set(to, c.String(name)) },
	}
}

// addressFlag has one value, an address or a word, which may be taken away.
func addressFlag(name, usage, none string, set func(*client.Client, string)) clientFlag {
	f := textFlag(name, usage, "", set)
	f.none, f.single = none, true
	return f
}

// switchFlag says that something is so. none is what --no-NAME says, by which it is not.
func switchFlag(name, usage, none string, set func(*client.Client, bool)) clientFlag {
	return clientFlag{
		name: name, none: none, single: true,
		flag:  func() cli.Flag { return &cli.BoolFlag{Name: name, Usage: usage} },
		apply: func(c *cli.Command, to *client.Client) { set(to, c.Bool(name)) },
	}
}

// valuesFlag is given once for each value, which may have spaces.
func valuesFlag(name, usage, none string, set func(*client.Client, []string)) clientFlag {
	return clientFlag{
		name: name, none: none,
		flag:  func() cli.Flag { return &cli.StringSliceFlag{Name: name, Usage: usage, Validator: someWords} },
		apply: func(c *cli.Command, to *client.Client) { set(to, c.StringSlice(name)) },
	}
}

// wordsFlag may have several values at once, with spaces or commas between them. missing is what an app has that is registered
// without it.
func wordsFlag(name, usage, missing, none string, set func(*client.Client, []string)) clientFlag {
	return clientFlag{
		name: name, none: none,
		flag: func() cli.Flag {
			return &cli.StringSliceFlag{Name: name, Usage: usage, DefaultText: missing, Validator: someWords}
		},
		apply: func(c *cli.Command, to *client.Client) { set(to, splitWords(c.StringSlice(name))) },
	}
}

// someWords refuses a flag without a value: what was meant is not to be guessed.
func someWords(values []string) error {
	if len(splitWords(values)) == 0 {
		return errors.New("it is empty")
	}
	return nil
}

// wholeSeconds refuses what a registration cannot say.
func wholeSeconds(d time.Duration) error {
	if d < 0 || d%time.Second != 0 {
		return errors.New("it should be a whole number of seconds")
	}
	return nil
}

// checkTwoSteps says what is wrong with the value of --two-steps.
func checkTwoSteps(value string) error {
	if value != twoStepsOptional && (value == "" || !client.TwoSteps(value).IsKnown()) {
		return errors.New("it should be optional, required or phishing-resistant")
	}
	return nil
}

const twoStepsOptional = "optional"

// twoStepsOf is the value of the flag as a client has it.
func twoStepsOf(value string) client.TwoSteps {
	if value == twoStepsOptional {
		return client.TwoStepsOptional
	}
	return client.TwoSteps(value)
}

// twoStepsText shows it as the flag takes it.
func twoStepsText(t client.TwoSteps) string { return cmp.Or(string(t), twoStepsOptional) }

// pairsFlag is a flag whose values are two words with an equals sign between them; else they are wrong.
func pairsFlag(name, usage string, wrong error) cli.Flag {
	return &cli.StringSliceFlag{Name: name, Usage: usage, Validator: func(values []string) error {
		if slices.ContainsFunc(values, func(value string) bool { return !strings.Contains(value, "=") }) {
			return wrong
		}
		return nil
	}}
}

// acrNames are the values of the flag by level, in their order: the first name of a level is the one in answers.
func acrNames(c *cli.Command) map[string][]string {
	var names map[string][]string
	for _, value := range c.StringSlice("acr-name") {
		if names == nil {
			names = map[string][]string{}
		}
		level, name, _ := strings.Cut(value, "=")
		names[level] = append(names[level], name)
	}
	return names
}

// acrNamesText shows names as the flag takes them.
func acrNamesText(names map[string][]string) string {
	var all []string
	for _, level := range slices.Sorted(maps.Keys(names)) {
		for _, name := range names[level] {
			all = append(all, level+"="+name)
		}
	}
	return strings.Join(all, " ")
}

// splitWords are the words of values that may hold several each.
func splitWords(values []string) []string {
	var words []string
	for _, value := range values {
		words = append(words, strings.FieldsFunc(value, func(r rune) bool { return r == ' ' || r == ',' })...)
	}
	return words
}
