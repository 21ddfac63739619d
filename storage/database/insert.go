package database

import (
	"strconv"
	"strings"
)

// insertRows is how many rows one statement inserts at most: both databases have an end to the arguments of a statement.
const insertRows = 64

// gather makes one statement of rows that are inserted by the same text.
func gather(writes []write) []write {
	var all []write
	at := map[string]int{} // where in all the rows of a text go
	rows := map[int]int{}  // how many are there
	for _, w := range writes {
		if !w.row {
			all = append(all, w)
			continue
		}
		i, ok := at[w.query]
		if !ok || rows[i] == insertRows {
			i = len(all)
			at[w.query] = i
			all = append(all, write{query: w.query})
		}
		rows[i]++
		all[i].args = append(all[i].args, w.args...)
	}
	for i, n := range rows {
		all[i].query += " VALUES " + places(n, len(all[i].args)/n)
	}
	return all
}

// places are the arguments of so many rows, from $1 on: ($1, $2), ($3, $4).
func places(rows, columns int) string {
	var b strings.Builder
	for i := range rows {
		for j := range columns {
			switch {
			case j > 0:
				b.WriteString(", ")
			case i > 0:
				b.WriteString("), (")
			default:
				b.WriteString("(")
			}
			b.WriteString("$" + strconv.Itoa(i*columns+j+1))
		}
	}
	return b.String() + ")"
}
