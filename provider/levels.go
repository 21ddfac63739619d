package provider

import (
	"cmp"
	"slices"

	"vestibule/provider/client"
)

// Levels is the levels of assurance: what they are called and what reaches them. Its zero value is a good one.
type Levels struct {
	Names        map[string][]string // level to its other names; nil: DefaultACRNames
	WeakRecovery bool                // a password and a recovery code reach LevelOne only
	// PhishingResistant says that users may have authenticators which reach client.LevelPhishingResistant. Else no name of
	// that level is known, and none is advertised.
	PhishingResistant bool
}

// Level returns the level that the login reaches, or "" for one without a proof.
func (l Levels) Level(login *Login) string {
	return login.level(l.WeakRecovery)
}

// ACR returns what the client is told: of the names that it asked with, the one of the highest level that was
// reached, or if that is none of them its own name of the level reached. own are its own names, nil for none.
func (l Levels) ACR(own map[string][]string, d Demand, login *Login) string {
	reached, best := l.Level(login), ACRName{}
	for _, n := range d.Names {
		if client.Rank(n.Level) <= client.Rank(reached) && client.Rank(n.Level) > client.Rank(best.Level) {
			best = n
		}
	}
	if names := own[reached]; best.Name == "" && len(names) > 0 {
		return names[0]
	}
	return cmp.Or(best.Name, reached)
}

// Demand returns a demand that asks for nothing but a level; see Demand.Ask.
func (l Levels) Demand(own map[string][]string, names []string, essential bool) (Demand, error) {
	d := Demand{WeakRecovery: l.WeakRecovery}
	return d, d.Ask(l, own, names, essential)
}

// reachable lists the levels that a login can reach, lowest first.
func (l Levels) reachable() []string {
	if l.PhishingResistant {
		return client.Ranked
	}
	return client.Ranked[:client.Rank(client.LevelPhishingResistant)]
}

// meaning returns the level that the client means by a name, or "" if the name is not known, or that level is reached by
// nobody.
func (l Levels) meaning(own map[string][]string, name string) string {
	if level := l.named(own, name); slices.Contains(l.reachable(), level) {
		return level
	}
	return ""
}

func (l Levels) named(own map[string][]string, name string) string {
	if level := client.LevelNamed(own, name); level != "" {
		return level
	}
	if client.Rank(name) >= 0 {
		return name
	}
	return client.LevelNamed(l.names(), name)
}

func (l Levels) names() map[string][]string {
	if l.Names == nil {
		return client.DefaultACRNames
	}
	return l.Names
}

// Supported lists the names that every client can ask with, lowest level first.
func (l Levels) Supported() []string {
	var all []string
	for _, level := range l.reachable() {
		all = append(append(all, level), l.names()[level]...)
	}
	return all
}
