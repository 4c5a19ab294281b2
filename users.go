package capi

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"
)

// usersAtOnce is how many users are looked up at a time.
const usersAtOnce = 128

// Users returns the users with the given ids, in ascending order of ids,
// without duplicates. Ids without a user are left out: Joomla treats the
// session of a deleted user as a guest's. The users have no Credential, and may
// be unable to log in. It takes two queries, and one more for every 128 ids. It
// is safe for concurrent use.
func (s *Site) Users(ctx context.Context, ids []int64) ([]User, error) {
	if ids = userIDs(ids); len(ids) == 0 {
		return nil, nil
	}
	users, err := s.usersOf(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("capi: looking up users: %w", err)
	}
	return users, nil
}

// usersOf is Users for ids that a user can have. It reads what all users share
// once: the guard's query, which has it in each row, takes several times as
// long for many users.
func (s *Site) usersOf(ctx context.Context, ids []int64) (users []User, err error) {
	groups, err := s.readGroups(ctx)
	if err != nil {
		return nil, err
	}
	root, err := s.column(ctx, s.sql(`SELECT "rules" FROM "#__assets" WHERE "name" = 'root.1'`))
	if err != nil {
		return nil, err
	}
	var rules string
	if len(root) > 0 {
		rules = string(root[0])
	}
	for args := range argsOfUsers(ids) {
		found, err := collect(ctx, s, s.usersQuery(), args, func(rows *result) (account, error) {
			var (
				a                          account
				id, block, limit           integer
				username, name, email, own textColumn
			)
			if err := rows.Scan(&id, &username, &name, &email, &block, &own, &limit); err != nil {
				return account{}, err
			}
			if limit.valid && int64(len(own)) >= limit.value {
				return account{}, errListLimit
			}
			a = account{id: id.value, username: string(username), name: string(name), email: string(email), blocked: block.value != 0}
			a.groups, a.direct = groups.of(string(own))
			a.superAdmin = s.isSuperAdmin(a, rules)
			return a, nil
		})
		if err != nil {
			return nil, err
		}
		for _, a := range found {
			users = append(users, a.user(""))
		}
	}
	slices.SortStableFunc(users, func(a, b User) int { return cmp.Compare(a.ID, b.ID) })
	return slices.CompactFunc(users, func(a, b User) bool { return a.ID == b.ID }), nil
}

// usersQuery returns the query for the users of usersList.
func (s *Site) usersQuery() string {
	return s.sql(`SELECT u."id", u."username", u."name", u."email", u."block",` +
		` (SELECT ` + strings.Replace(s.dialect.list, "%", `m."group_id"`, 1) +
		` FROM "#__user_usergroup_map" AS m WHERE m."user_id" = u."id"), ` + s.dialect.listLimit +
		` FROM "#__users" AS u WHERE u."id" IN ` + usersList())
}

// A userGroup is a group in the nested set of all groups.
type userGroup struct{ id, left, right int64 }

// userGroups are the groups of a site.
type userGroups []userGroup

// readGroups returns the groups of the site.
func (s *Site) readGroups(ctx context.Context) (userGroups, error) {
	return collect(ctx, s, s.sql(`SELECT "id", "lft", "rgt" FROM "#__usergroups"`), nil, func(rows *result) (userGroup, error) {
		var id, left, right integer
		err := rows.Scan(&id, &left, &right)
		return userGroup{id.value, left.value, right.value}, err
	})
}

// of returns the groups and direct groups of an account, as its own query does,
// from the list of its groups in the database.
func (g userGroups) of(list string) (groups, direct []int64) {
	direct = []int64{}
	if list == "" {
		return []int64{1}, direct
	}
	for text := range strings.SplitSeq(list, ",") {
		id, _ := strconv.ParseInt(text, 10, 64) // Always a number.
		exists := false
		for _, group := range g {
			if group.id != id {
				continue
			}
			exists = true // Maybe again: the table may have lost its key.
			for _, other := range g {
				if other.left <= group.left && other.right >= group.right {
					groups = append(groups, max(other.id, 0))
				}
			}
		}
		switch {
		case !exists:
			groups = append(groups, 0)
		case id > 0:
			direct = append(direct, id)
		}
	}
	return ascending(groups), ascending(direct)
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

// argsOfUsers yields the arguments of each query with usersList in turn. It
// repeats the last id to fill the list, so that the query is always the same.
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
