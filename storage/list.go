package storage

import (
	"slices"

	"vestibule/storage/database"
)

// A list in a condition is so many arguments: neither database of the two has an array that the other one knows.

// places returns the n places for arguments that follow the given number of others: ($5, $6).
func places(others, n int) string { return database.Places(others, 1, n) }

// anys are the values as arguments.
func anys[T any](list []T) []any {
	all := make([]any, len(list))
	for i, one := range list {
		all[i] = one
	}
	return all
}

// padded are the keys as arguments, the last one again and again, so that there are few lengths, and few texts that are
// prepared.
func padded(keys []string) []any {
	args := anys(keys)
	for _, n := range []int{1, 10, 50, LinkBatch, purgeBatch} {
		if len(args) <= n {
			last := args[len(args)-1]
			return append(args, slices.Repeat([]any{last}, n-len(args))...)
		}
	}
	return args
}
