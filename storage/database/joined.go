package database

import (
	"fmt"
	"hash/maphash"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// PostgreSQL binds, starts and answers each statement of a batch by itself, which is some 5 to 15 % of what a commit costs it. So
// the writes of a commit that stand apart are one statement with the write before them. A statement sees what was committed
// when it began. One that must see what others have left, for whose locks those before it have waited, is never joined to them.

// keptPlans is how many plans are kept: a server has some dozens.
const keptPlans = 1000

// joiner makes statements of the writes of a commit. The zero value is ready.
type joiner struct {
	mu    sync.RWMutex
	plans map[uint64]*plan
}

// plan is how writes of these texts become statements.
type plan struct {
	of         []write // without their arguments
	statements []joined
}

// joined is the text of a statement.
type joined struct {
	query  string
	writes int // how many it is made of
	missed int // how many of them may not miss
}

// join makes the statements. Each has the writes that it is made of as its parts.
func (j *joiner) join(writes []write) []write {
	if !slices.ContainsFunc(writes, func(w write) bool { return w.apart }) {
		return writes
	}
	var made []write
	for _, s := range j.plan(writes).statements {
		made = append(made, s.of(writes[:s.writes]))
		writes = writes[s.writes:]
	}
	return made
}

func (s joined) of(writes []write) write {
	if len(writes) == 1 {
		return writes[0]
	}
	made := write{query: s.query, parts: writes}
	for _, w := range writes {
		made.args = append(made.args, w.args...)
		if w.missed != nil && s.missed == 1 {
			made.missed = w.missed
		}
	}
	return made
}

var planSeed = maphash.MakeSeed()

func (j *joiner) plan(writes []write) *plan {
	var h maphash.Hash
	h.SetSeed(planSeed)
	for _, w := range writes {
		h.WriteString(w.query)
	}
	key := h.Sum64()
	j.mu.RLock()
	known := j.plans[key]
	j.mu.RUnlock()
	if known != nil && slices.EqualFunc(known.of, writes, alike) {
		return known
	}
	made := newPlan(writes)
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.plans == nil || len(j.plans) >= keptPlans {
		j.plans = map[uint64]*plan{}
	}
	j.plans[key] = made
	return made
}

// alike reports whether the same becomes of two writes.
func alike(a, b write) bool {
	return a.query == b.query && a.apart == b.apart && a.lock == b.lock && a.row == b.row && (a.missed == nil) == (b.missed == nil)
}

// newPlan joins each write that stands apart to those before it, unless one of them writes what the other reads or writes.
func newPlan(writes []write) *plan {
	p := &plan{}
	for _, w := range writes {
		w.args = nil
		p.of = append(p.of, w)
	}
	for rest := p.of; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].apart && independent(rest[:n], rest[n]) {
			n++
		}
		p.statements = append(p.statements, newJoined(rest[:n]))
		rest = rest[n:]
	}
	return p
}

// newJoined has PostgreSQL count what the writes have changed, in their order, so that it fails itself when one has changed
// nothing that may not miss. A row that is inserted needs no counting.
func newJoined(writes []write) joined {
	s := joined{writes: len(writes)}
	var with, counts []string
	args := 0 // of the writes before
	for i, w := range writes {
		name, query := fmt.Sprintf("write%d", i+1), w.query
		if !w.row {
			count := "(SELECT count(*) FROM " + name + ")"
			if w.missed != nil {
				s.missed++
				count = "1 / " + count
			}
			query, counts = w.counted(), append(counts, count)
		}
		with = append(with, name+" AS ("+shifted(query, args)+")")
		args += lastArgument(query)
	}
	if len(counts) == 0 {
		counts = []string{"1"}
	}
	s.query = "WITH " + strings.Join(with, ", ") + " SELECT " + strings.Join(counts, ", ")
	return s
}

var argument = regexp.MustCompile(`\$[0-9]+`)

// lastArgument is the number of the last argument of the text, 0 if it has none.
func lastArgument(query string) (last int) {
	for _, place := range argument.FindAllString(query, -1) {
		last = max(last, number(place))
	}
	return last
}

// shifted is the text whose arguments follow so many others.
func shifted(query string, by int) string {
	return argument.ReplaceAllStringFunc(query, func(place string) string { return "$" + strconv.Itoa(number(place)+by) })
}

func number(place string) int {
	n, _ := strconv.Atoi(place[1:])
	return n
}

// plain matches the texts that are understood here: they name what they write first, and each table by a keyword.
var plain = regexp.MustCompile(`^(INSERT INTO|UPDATE|SELECT)\b`)

// odd matches what names a table in another way.
var odd = regexp.MustCompile(`\bUSING\b|\bFROM\s+[a-z_0-9]+(\s+[a-z_0-9]+)?\s*,`)

var table = regexp.MustCompile(`\b(?:FROM|JOIN|INTO|UPDATE)\s+([a-z_0-9]+)`)

// tables are those of a text; none: it is not understood. A DELETE is not, for it may take rows of other tables along.
func tables(query string) (names []string) {
	if !plain.MatchString(query) || odd.MatchString(query) {
		return nil
	}
	for _, found := range table.FindAllStringSubmatch(query, -1) {
		names = append(names, found[1])
	}
	return names
}

// independent reports whether w writes or reads no table first that those before it name, and they write none that it names. If
// it reads a table beside its own, it must not begin before one of them has waited for a lock. Two that read one table are
// apart too: a commit may have any number of them.
func independent(before []write, w write) bool {
	mine := tables(w.query)
	if len(mine) == 0 || len(mine) > 1 && slices.ContainsFunc(before, write.waits) {
		return false
	}
	return !slices.ContainsFunc(before, func(b write) bool {
		theirs := tables(b.query)
		return len(theirs) == 0 || slices.Contains(theirs, mine[0]) || changes(b, theirs, mine)
	})
}

// waits reports whether w is there to see, or to be seen by, others whose commits it waits for.
func (w write) waits() bool { return w.lock || !w.apart }

// changes reports whether w, whose text names own, writes one of the tables.
func changes(w write, own, tables []string) bool {
	return !reads(w.query) && slices.Contains(tables, own[0])
}
