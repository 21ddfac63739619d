package config

import (
	"maps"
	"slices"
	"strings"
)

// entry is what one source says about one setting.
type entry struct {
	setting setting
	file    bool // value is the path of the file that holds it
	value   string
	where   string
}

// Load reads the defaults, then the file at path (empty: none), the environment in the form of
// os.Environ, and the flags by their names with hyphens; what comes later wins. All faults are
// reported at once, as Faults. Where only names settings, faults of others are left out, for
// commands that need no more.
func Load(path string, environ []string, flags map[string]string, only ...string) (Config, error) {
	c := Default()
	l := loader{entries: map[string]entry{}}
	l.merge(l.readFile(path))
	l.merge(l.readEnviron(environ))
	l.merge(l.readFlags(flags))
	l.apply(&c)
	l.faults = append(l.faults, l.check(c)...)
	if len(only) > 0 {
		l.faults = slices.DeleteFunc(l.faults, func(f Fault) bool {
			return f.Setting != "" && !slices.Contains(only, f.Setting)
		})
	}
	if len(l.faults) > 0 {
		return Config{}, l.faults
	}
	return c, nil
}

type loader struct {
	entries    map[string]entry
	broken     map[string]bool // settings whose value could not be read: no need to check it
	unreadable bool            // the settings file: what it should have set is not missing
	faults     Faults
}

func (l *loader) fault(setting, where, text string) {
	l.faults = append(l.faults, Fault{setting, where, text})
}

// merge lets a source override the ones before it. In one source a secret and the file that
// holds it exclude each other: nobody can know which is the old one.
func (l *loader) merge(source []entry) {
	seen := map[string]entry{}
	for _, e := range source {
		name := e.setting.name
		if old, twice := seen[name]; twice {
			l.fault(name, e.where, "is set beside "+old.where+"; keep one of the two")
			continue
		}
		seen[name] = e
	}
	maps.Copy(l.entries, seen)
}

func (l *loader) readEnviron(environ []string) []entry {
	var entries []entry
	for _, pair := range slices.Sorted(slices.Values(environ)) {
		name, value, _ := strings.Cut(pair, "=")
		rest, ours := strings.CutPrefix(name, prefix)
		if !ours || value == "" { // an empty variable is how compose files say nothing
			continue
		}
		s, file, ok := find(strings.ToLower(rest))
		if ok {
			entries = append(entries, entry{s, file, value, name})
			continue
		}
		// Kubernetes sets VESTIBULE_PORT and more for a service of that name, so that only a
		// name that is nearly ours is an error.
		if near := nearest(strings.ToLower(rest)); near != "" {
			l.fault("", name, "there is no such setting; did you mean "+variable(near)+"?")
		}
	}
	return entries
}

func (l *loader) readFlags(flags map[string]string) []entry {
	var entries []entry
	for _, name := range slices.Sorted(maps.Keys(flags)) {
		s, file, ok := find(strings.ReplaceAll(name, "-", "_"))
		switch {
		case !ok || file || s.usage == "":
			l.fault("", "--"+name, "there is no such flag")
		case s.name == "database" && hasPassword(flags[name]):
			l.fault("database", "--"+name, "has a password, which every user of this machine could read; use VESTIBULE_DATABASE or VESTIBULE_DATABASE_FILE")
		default:
			entries = append(entries, entry{s, false, flags[name], "--" + name})
		}
	}
	return entries
}

// apply writes the entries that won into c.
func (l *loader) apply(c *Config) {
	l.broken = map[string]bool{}
	for _, s := range settings {
		e, ok := l.entries[s.name]
		if !ok {
			continue
		}
		if err := e.apply(c); err != nil {
			l.fault(s.name, e.where, err.Error())
			l.broken[s.name] = true
		}
	}
}

func (e entry) apply(c *Config) error {
	value := e.value
	if e.file {
		var err error
		if value, err = readSecret(e.setting.name, value); err != nil {
			return err
		}
		if isExposed(e.value) {
			c.ExposedFiles = append(c.ExposedFiles, e.value)
		}
	}
	return e.setting.set(c, value)
}

// where is the place to change a setting: where it was set, or else where it can be.
func (l *loader) where(name string) string {
	if e, ok := l.entries[name]; ok {
		return e.where
	}
	return variable(name)
}
