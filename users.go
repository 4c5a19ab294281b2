package capi

import (
	"cmp"
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

// Users returns the users of ids, in ascending order of ids, each once. Ids that
// are no user's are left out: whoever is logged in by a session and does not
// exist any more is a guest to Joomla. The users have no Credential, and need
// not be able to log in. It takes one query for each 128 ids. It is safe for
// concurrent use.
func (s *Site) Users(ctx context.Context, ids []int64) ([]User, error) {
	var users []User
	query := s.accountQuery(`"#__users" AS u`, `u."id" IN `+usersList())
	for args := range argsOfUsers(userIDs(ids)) {
		rows, err := s.accounts(ctx, query, args...)
		if err != nil {
			return nil, fmt.Errorf("capi: looking up users: %w", err)
		}
		for _, row := range rows {
			if row.account.id != 0 {
				users = append(users, row.account.user(""))
			}
		}
	}
	byID := func(a, b User) int { return cmp.Compare(a.ID, b.ID) }
	slices.SortStableFunc(users, byID)
	return slices.CompactFunc(users, func(a, b User) bool { return a.ID == b.ID }), nil
}

// GroupTitles returns the titles of the site's groups, by their ids. It takes one
// query. It is safe for concurrent use.
func (s *Site) GroupTitles(ctx context.Context) (map[int64]string, error) {
	type group struct {
		id    integer
		title column
	}
	groups, err := collect(ctx, s, s.sql(`SELECT "id", "title" FROM "#__usergroups"`), nil, func(rows *result) (g group, err error) {
		return g, rows.Scan(&g.id, &g.title)
	})
	if err != nil {
		return nil, fmt.Errorf("capi: looking up groups: %w", err)
	}
	titles := make(map[int64]string, len(groups))
	for _, group := range groups {
		titles[group.id.value] = string(group.title)
	}
	return titles, nil
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
