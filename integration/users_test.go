package integration_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/internal/joomlatest"
)

// TestSiteUsers compares users with those of the recorded Joomla.
func TestSiteUsers(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := joomla5(t, d)
		ids := []int64{0, -1, 1 << 40, 4711}
		for _, user := range s.Users {
			ids = append(ids, user.ID, user.ID)
		}
		users, err := s.capi(t, nil).Users(t.Context(), ids)
		require.NoError(t, err)
		require.Len(t, users, len(s.Users))
		found := map[string]capi.User{}
		for i, user := range users {
			assert.True(t, i == 0 || users[i-1].ID < user.ID, "in ascending order")
			found[user.Username] = user
		}
		for _, want := range s.Users {
			got := found[want.Username]
			assert.Equal(t, want.ID, got.ID)
			assert.Equal(t, want.CoreAdmin, got.SuperAdmin, want.Username)
			var groups []int64
			for _, number := range want.Groups {
				if id, err := number.Int64(); assert.NoError(t, err) && id != 0 {
					groups = append(groups, id)
				}
			}
			assert.ElementsMatch(t, groups, got.Groups, want.Username)
			assert.Equal(t, want.Username == "super_blocked", got.Blocked, want.Username)
		}
		ops, err := json.Marshal(found["ops"])
		require.NoError(t, err)
		assert.JSONEq(t, `{"id":103,"username":"ops","name":"ops name","email":"ops103@example.org","groups":[1,8,20],"direct_groups":[20],
			"super_admin":true,"blocked":false}`, string(ops))
		none, err := s.capi(t, nil).Users(t.Context(), nil)
		require.NoError(t, err)
		assert.Empty(t, none)
	})
}

// TestSiteUsersHaveTheGroupsOfTheGuard is about trees that Joomla would not
// write, in tables that lost their keys when they were copied.
func TestSiteUsersHaveTheGroupsOfTheGuard(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := emptySite(t, d, joomlatest.Joomla42)
		for _, table := range []string{"usergroups", "user_usergroup_map"} {
			s.Exec(t, `CREATE TABLE "#__copy" AS SELECT * FROM "#__`+table+`"`)
			s.Exec(t, `DROP TABLE "#__`+table+`"`)
			s.Exec(t, `ALTER TABLE "#__copy" RENAME TO "#__`+table+`"`)
		}
		s.Insert(t, "assets", row{"id": 1, "name": "root.1", "rules": `{"core.admin":{"8":1,"7":0}}`})
		group := func(id, left, right int) row {
			return row{"id": id, "lft": left, "rgt": right, "title": "", "parent_id": 0}
		}
		s.Insert(t, "usergroups",
			group(1, 0, 19), group(2, 1, 4), group(3, 2, 3), group(8, 5, 8),
			group(20, 6, 7), group(20, 2, 3), // One group at two places.
			group(0, 9, 10),
			group(21, 12, 11), group(22, 0, 0), group(7, 0, 0)) // No nested set.
		type member struct {
			groups []int
			super  bool
		}
		members := []member{
			{nil, false}, {[]int{1}, false}, {[]int{3}, false}, {[]int{20}, true}, {[]int{20, 20}, true}, {[]int{0}, false}, {[]int{0, 3}, false},
			{[]int{4711}, false}, {[]int{4711, 8}, true}, {[]int{21}, false}, {[]int{22}, false}, {[]int{7, 8}, false}, {[]int{3, 3, 2}, false},
		}
		if d.name != "mariadb" { // Its ids of groups are unsigned.
			s.Insert(t, "usergroups", group(-8, 13, 16), group(23, 14, 15))
			members = append(members, member{[]int{-8}, false}, member{[]int{23}, false})
		}
		var ids []int64
		for i, of := range members {
			id := int64(100 + i)
			ids = append(ids, id)
			s.Insert(t, "users", row{"id": id, "username": strconv.Itoa(i)})
			s.Insert(t, "services_tokens", row{"userid": id, "token": "token-" + strconv.Itoa(i), "state": 1})
			for _, group := range of.groups {
				s.Insert(t, "user_usergroup_map", row{"user_id": id, "group_id": group})
			}
		}
		site := s.capi(t, nil)
		users, err := site.Users(t.Context(), ids)
		require.NoError(t, err)
		require.Len(t, users, len(ids))
		guard := capi.NewCAPITokenAuthorizer(site)
		for i, got := range users {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header.Set("token", "token-"+strconv.Itoa(i))
			want, err := guard.User(r)
			require.NoError(t, err)
			want.Credential = ""
			assert.Equal(t, want, got, members[i])
			assert.Equal(t, members[i].super, got.SuperAdmin, members[i])
		}
	})
}

func TestSiteGroupTitles(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := emptySite(t, d, joomlatest.Joomla33)
		s.Insert(t, "usergroups", row{"id": 1, "title": "Public"}, row{"id": 20, "title": "Ops, night's"})
		titles, err := s.capi(t, nil).GroupTitles(t.Context())
		require.NoError(t, err)
		assert.Equal(t, map[int64]string{1: "Public", 20: "Ops, night's"}, titles)
	})
}

// BenchmarkSiteUsers looks up as many users as a busy site has logged in.
func BenchmarkSiteUsers(b *testing.B) {
	for _, d := range databases() {
		b.Run("db="+d.name+"/users=1280", func(b *testing.B) {
			s := joomla5(b, d)
			var ids []int64
			var users, groups []row
			for id := int64(10_000); id < 11_280; id++ {
				ids = append(ids, id)
				users = append(users, row{"id": id, "username": "u" + strconv.FormatInt(id, 10)})
				groups = append(groups, row{"user_id": id, "group_id": 2})
			}
			s.Insert(b, "users", users...)
			s.Insert(b, "user_usergroup_map", groups...)
			site := s.capi(b, nil)
			b.ReportAllocs()
			for b.Loop() {
				found, err := site.Users(b.Context(), ids)
				require.NoError(b, err)
				require.Len(b, found, len(ids))
			}
		})
	}
}
