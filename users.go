package capi

import (
	"context"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
)

// usersAtOnce is how many users are looked up at a time.
const usersAtOnce = 128

// ExistingUsers returns those of ids that are a user's, in ascending order,
// each once. Who is logged in by a session and does not exist any more is a
// guest to Joomla. It takes one query for each 128 ids. It is safe for
// concurrent use.
func (s *Site) ExistingUsers(ctx context.Context, ids []int64) ([]int64, error) {
	var existing []int64
	query := s.sql(`SELECT "id" FROM "#__users" WHERE "id" IN ` + usersList())
	for args := range argsOfUsers(userIDs(ids)) {
		found, err := s.column(ctx, query, args...)
		if err != nil {
			return nil, fmt.Errorf("capi: looking up users: %w", err)
		}
		for _, id := range found {
			existing = append(existing, id.integer().value)
		}
	}
	slices.Sort(existing)
	return slices.Compact(existing), nil
}

// userIDs returns those of ids that a user can have, in ascending order, each
// once.
func userIDs(ids []int64) []int64 {
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	// As in readLogin: there are no others.
	return slices.DeleteFunc(ids, func(id int64) bool { return id <= 0 || id > math.MaxInt32 })
}

// usersList returns what a query has for the ids of usersAtOnce users.
func usersList() string { return "(" + strings.Repeat("?, ", usersAtOnce-1) + "?)" }

// argsOfUsers returns the arguments of queries with usersList, one after the
// other. The last id is there again where there are too few, so that the query
// is always the same.
func argsOfUsers(ids []int64) iter.Seq[[]any] {
	return func(yield func([]any) bool) {
		for some := range slices.Chunk(ids, usersAtOnce) {
			args := make([]any, usersAtOnce)
			for i := range args {
				args[i] = some[min(i, len(some)-1)]
			}
			if !yield(args) {
				return
			}
		}
	}
}
