package storage

import (
	"fmt"
	"strings"
	"time"

	"vestibule/mfa"
)

// guess is one that is about to be counted.
type guess struct {
	id      string
	budgets []mfa.Budget
	since   int64 // no lock of theirs may have ended after that
	now     time.Time
}

// counts are what is known before anything is counted: the id.
func (g guess) counts() []mfa.AttemptCount {
	found := make([]mfa.AttemptCount, len(g.budgets))
	for i := range found {
		found[i].ID = g.id
	}
	return found
}

func (g guess) keys() []string {
	keys := make([]string, len(g.budgets))
	for i, b := range g.budgets {
		keys[i] = b.Key
	}
	return keys
}

// The arguments of the statement: those of all budgets, and then those of each.
const (
	guessArgs  = 5 // $1 now, $2 since, $3 id, $4 how long ids may be, $5 where to cut them
	budgetArgs = 8 // $k budget, $o owner, $f locked_until of a first guess, $p forget_at, $g guesses, $w began at the latest, $u until, $r in a row
)

// counted is how many budgets the text of a statement is for.
type counted int

// guessTexts are those of the guesses that there are, by the number of their budgets: they are made once, and not for each guess.
var guessTexts = []string{1: counted(1).text(), 2: counted(2).text()}

func (g guess) statement() (query string, args []any) {
	n := len(g.budgets)
	if n < len(guessTexts) {
		return guessTexts[n], g.args()
	}
	return counted(n).text(), g.args()
}

// of returns text with the places of the arguments of the budget i.
func (counted) of(i int, text string) string {
	var names []string
	for j, name := range []string{"$k", "$o", "$f", "$p", "$g", "$w", "$u", "$r"} {
		names = append(names, name, fmt.Sprintf("$%d", guessArgs+i*budgetArgs+j+1))
	}
	return strings.NewReplacer(names...).Replace(text)
}

// each joins what text is for each budget.
func (n counted) each(text, between string) string {
	var all []string
	for i := range int(n) {
		all = append(all, n.of(i, text))
	}
	return strings.Join(all, between)
}

// text counts in the order of the budgets, in all or none: those that refuse are looked up first, and looked at once more where
// their row is held. A window that was used up is over here, for else its lock would refuse; when that ended is kept.
func (n counted) text() string {
	over := "(" + n.each(`guess.budget = $k AND (guess.tries >= $g OR guess.started_at <= $w)`, " OR ") + ")"
	return `INSERT INTO guess (budget, started_at, tries, in_a_row, locked_until, unlocked_at, forget_at, owner, ids) ` + n.rows() + `
		ON CONFLICT (budget) DO UPDATE SET
			started_at = CASE WHEN ` + over + ` THEN excluded.started_at ELSE guess.started_at END,
			tries = CASE WHEN ` + over + ` THEN 1 ELSE guess.tries + 1 END,
			in_a_row = guess.in_a_row + 1,
			locked_until = CASE WHEN ` + over + ` THEN excluded.locked_until
				` + n.each(`WHEN guess.budget = $k AND guess.tries + 1 >= $g THEN $u`, " ") + ` ELSE 0 END,
			unlocked_at = CASE WHEN guess.locked_until > guess.unlocked_at THEN guess.locked_until ELSE guess.unlocked_at END,
			forget_at = excluded.forget_at,
			ids = CASE WHEN ` + over + ` THEN excluded.ids
				WHEN length(guess.ids) >= $4 THEN substr(guess.ids, $5) || excluded.ids
				ELSE guess.ids || excluded.ids END
		WHERE NOT (` + n.refuses() + `)
		RETURNING budget, tries, in_a_row`
}

// refuses is true of a row of one of the budgets that takes no guess now.
func (n counted) refuses() string {
	return `guess.locked_until > $1 OR guess.locked_until > $2 OR guess.unlocked_at > $2 OR ` + n.each(`guess.budget = $k AND guess.in_a_row >= $r`, " OR ")
}

// rows are those to insert. Of several none is where one of the budgets refuses. The first SELECT has no row: it tells what
// the columns are of.
func (n counted) rows() string {
	const columns = `budget, started_at, tries, in_a_row, locked_until, unlocked_at, forget_at, owner, ids`
	if n == 1 {
		return `VALUES (` + n.of(0, `$k, $1, 1, 1, $f, 0, $p, $o, $3`) + `)`
	}
	return `SELECT ` + columns + ` FROM (SELECT ` + columns + ` FROM guess WHERE 1 = 0 UNION ALL ` +
		n.each(`SELECT $k, $1, 1, 1, $f, 0, $p, $o, $3`, " UNION ALL ") + `) AS fresh
		WHERE NOT EXISTS (SELECT 1 FROM guess WHERE budget IN (` + n.each("$k", ", ") + `) AND (` + n.refuses() + `))`
}

func (g guess) args() []any {
	args := []any{micros(g.now), g.since, g.id, mfa.Returnable * guessIDSize, guessIDSize + 1}
	for _, b := range g.budgets {
		until := micros(g.now.Add(b.Limit.Lock))
		first := int64(0)
		if b.Limit.Guesses <= 1 {
			first = until
		}
		args = append(args, b.Key, ownerOf(b.Key), first, forgetAt(b.Limit, g.now), b.Limit.Guesses, micros(g.now.Add(-b.Limit.Window)), until, inARow(b.Limit))
	}
	return args
}
