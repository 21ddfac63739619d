package storage

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"vestibule/mfa"
)

// guess is one that is about to be counted.
type guess struct {
	id      string
	budgets []mfa.Budget
	since   int64 // no lock may have ended after that; of several budgets the highest number, which is not asked
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

// The arguments of the statement: those of all budgets, those of each, and those that only one number of budgets has.
const (
	guessArgs  = 4 // $1 now, $2 locks that end later refuse, $3 id, $4 how long ids may be
	budgetArgs = 7 // $k budget, $o owner, $e end of the window, $g tries in it, $r in a row, $u locked until, $p forget at
)

// guessText is what the text of a statement depends on.
type guessText struct {
	budgets int
	row     bool // one of several has an end to guesses in a row
}

// guessTexts are those of the guesses that there are: they are made once, and not for each guess.
var guessTexts = map[guessText]string{
	{1, false}: guessText{1, false}.make(), {2, false}: guessText{2, false}.make(),
}

func (g guess) statement() (query string, args []any) {
	t := guessText{budgets: len(g.budgets)}
	if t.budgets > 1 {
		t.row = slices.ContainsFunc(g.budgets, func(b mfa.Budget) bool { return b.Limit.InARow > 0 })
	}
	query, ok := guessTexts[t]
	if !ok {
		query = t.make()
	}
	return query, g.args()
}

// of returns text with the places of the arguments of the budget i.
func (guessText) of(i int, text string) string {
	var names []string
	for j, name := range []string{"$k", "$o", "$e", "$g", "$r", "$u", "$p"} {
		names = append(names, name, fmt.Sprintf("$%d", guessArgs+i*budgetArgs+j+1))
	}
	return strings.NewReplacer(names...).Replace(text)
}

// each joins what text is for each budget.
func (t guessText) each(text, between string) string {
	var all []string
	for i := range t.budgets {
		all = append(all, t.of(i, text))
	}
	return strings.Join(all, between)
}

const guessColumns = `budget, owner, ends_at, tries, most_tries, in_a_row, most_in_a_row, locked_until, unlocked_at, forget_at, ids`

// make counts in the order of the budgets, in all or none: those that refuse are looked up first, and looked at once more where
// their row is held. What differs between the budgets stands in the rows that would be inserted, for each part of an expression
// costs time whenever the statement runs. A window that was used up is over here, for else its lock would refuse; when that
// ended is kept.
func (t guessText) make() string {
	const live = `guess.tries < guess.most_tries AND guess.ends_at > $1`
	return `INSERT INTO guess (` + guessColumns + `) ` + t.rows() + `
		ON CONFLICT (budget) DO UPDATE SET
			ends_at = CASE WHEN ` + live + ` THEN guess.ends_at ELSE excluded.ends_at END,
			tries = CASE WHEN ` + live + ` THEN guess.tries + 1 ELSE 1 END,
			ids = CASE WHEN ` + live + ` THEN substr(excluded.ids || guess.ids, 1, $4) ELSE excluded.ids END,
			unlocked_at = CASE WHEN guess.tries < guess.most_tries THEN guess.unlocked_at ELSE guess.locked_until END,
			in_a_row = guess.in_a_row + 1, most_tries = excluded.most_tries, most_in_a_row = excluded.most_in_a_row,
			locked_until = excluded.locked_until, forget_at = excluded.forget_at
		WHERE guess.in_a_row < excluded.most_in_a_row AND ` + t.unlocked() + `
		RETURNING budget, tries, in_a_row`
}

// unlocked is true of a row that no lock keeps from taking a guess. How long ago the last lock must have ended is asked of one
// budget only.
func (t guessText) unlocked() string {
	const unlocked = `(guess.tries < guess.most_tries OR guess.locked_until <= $2)`
	if t.budgets > 1 {
		return unlocked
	}
	return unlocked + fmt.Sprintf(` AND guess.unlocked_at <= $%d`, guessArgs+budgetArgs+1)
}

// rows are those to insert. Of several none is where one of the budgets refuses. The first SELECT has no row: it tells what
// the columns are of.
func (t guessText) rows() string {
	if t.budgets == 1 {
		return `VALUES (` + t.of(0, `$k, $o, $e, 1, $g, 1, $r, $u, 0, $p, $3`) + `)`
	}
	refuses := `NOT ` + t.unlocked()
	if t.row {
		refuses = `(` + refuses + ` OR ` + t.each(`budget = $k AND in_a_row >= $r`, " OR ") + `)`
	}
	return `SELECT ` + guessColumns + ` FROM (SELECT ` + guessColumns + ` FROM guess WHERE 1 = 0 UNION ALL ` +
		t.each(`SELECT $k, $o, $e, 1, $g, 1, $r, $u, 0, $p, $3`, " UNION ALL ") + `) AS fresh
		WHERE NOT EXISTS (SELECT 1 FROM guess WHERE budget IN (` + t.each("$k", ", ") + `) AND ` + refuses + `)`
}

func (g guess) args() []any {
	now := micros(g.now)
	args := []any{now, min(now, g.since), g.id, mfa.Returnable * guessIDSize}
	for _, b := range g.budgets {
		args = append(args, b.Key, ownerOf(b.Key), micros(g.now.Add(b.Limit.Window)), max(b.Limit.Guesses, 1), mostInARow(b.Limit),
			micros(g.now.Add(b.Limit.Lock)), forgetAt(b.Limit, g.now))
	}
	if len(g.budgets) == 1 {
		args = append(args, g.since)
	}
	return args
}
