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

// ExistingUsers returns those of ids that belong to a user, in ascending order,
// without duplicates. Joomla treats the session of a deleted user as a guest's.
// ExistingUsers takes one query for every 128 ids. It is safe for concurrent
// use.
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

// Users returns the users with the given ids, in ascending order of ids,
// without duplicates. Ids without a user are left out: Joomla treats the
// session of a deleted user as a guest's. The users have no Credential, and may
// be unable to log in. It takes one query for every 128 ids. It is safe for
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

// GroupTitles returns the titles of the site's groups by id. It takes one
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

// userIDs returns those of ids that a user can have, in ascending order,
// without duplicates.
func userIDs(ids []int64) []int64 {
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	// See readLogin.
	return slices.DeleteFunc(ids, func(id int64) bool { return id <= 0 || id > math.MaxInt32 })
}

// usersList returns the list of placeholders for usersAtOnce ids.
func usersList() string { return "(" + strings.Repeat("?, ", usersAtOnce-1) + "?)" }

// argsOfUsers yields the arguments of one query with usersList after the other.
// It repeats the last id to fill the list, so that the query is always the
// same.
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
