package capi_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

// longLogin returns a session of n bytes; n has five digits.
func longLogin(n int) string {
	return login(7) + variable("x", strings.Repeat("x", n-len(login(7))-len(`x|s:12345:"";`)))
}

const (
	short   = 64 << 10 // the longest that is read without asking for memory
	longest = 1<<24 - 1
	tooLong = "capi: not authenticated: session holds 16 MiB or more"
)

// A long session in the table takes a query of its own.
func TestSessionAuthorizerLongSessions(t *testing.T) {
	long := longLogin(short + 1)
	marked := found(byCookie, row{"data": "long"})
	broken := errors.New("broken")
	tests := map[string]struct {
		length any
		then   []reply
		want   string
		err    error
	}{
		"good":             {int64(len(long)), []reply{list(long)}, "", nil},
		"length as text":   {[]byte("65537"), []reply{list([]byte(long))}, "", nil},
		"a guest's":        {int64(len(long)), []reply{list(strings.Replace(long, login(7), login(0), 1))}, guestSession, nil},
		"unreadable":       {int64(len(long)), []reply{list(long[:short])}, unreadable, nil},
		"gone meanwhile":   {int64(len(long)), []reply{list()}, unknownSession, nil},
		"grown meanwhile":  {int64(len(long)), []reply{list(nil)}, unknownSession, nil},
		"the longest":      {int64(longest), []reply{list(long)}, "", nil},
		"gone already":     {nil, nil, unknownSession, nil},
		"longer":           {int64(longest + 1), nil, tooLong, nil},
		"of any length":    {int64(1 << 40), nil, tooLong, nil},
		"fails":            {int64(len(long)), []reply{fails(broken)}, "", broken},
		"fails at the row": {int64(len(long)), []reply{{err: broken, late: true}}, "", broken},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			db := newFakeDB(marked, list(test.length))
			db.then(test.then...)
			err := newSessionAuthorizer(t, db.site(t)).Authorize(withSession())
			if test.err != nil {
				requireFailure(t, err)
				assert.ErrorIs(t, err, test.err)
				return
			}
			requireAnswer(t, test.want, err)
			if test.then != nil {
				length := len(long)
				if test.length == int64(longest) {
					length = longest
				}
				// It may have grown a little since its length was asked for.
				assert.Equal(t, []any{int64(min(length+short, longest)), testID}, db.args[2])
			}
		})
	}
	t.Run("short", func(t *testing.T) {
		db := newFakeDB(found(byCookie, row{"data": longLogin(short)}))
		require.NoError(t, newSessionAuthorizer(t, db.site(t)).Authorize(withSession()))
	})
}

// A boundedData is a SessionData that can leave long sessions unread.
type boundedData func(ctx context.Context, ids []string, limit int) ([]capi.Payload, []int, error)

func (f boundedData) Payloads(context.Context, []string) ([]capi.Payload, error) {
	return nil, errors.New("asked without a limit")
}

func (f boundedData) PayloadsUpTo(ctx context.Context, ids []string, limit int) ([]capi.Payload, []int, error) {
	return f(ctx, ids, limit)
}

func TestSessionAuthorizerLongSessionData(t *testing.T) {
	long := capi.Payload(longLogin(short + 1))
	broken := errors.New("broken")
	none, gone := []capi.Payload{nil}, []int{0}
	type data struct {
		payloads []capi.Payload
		lengths  []int
		err      error
	}
	ofLength := func(n int) data { return data{none, []int{n}, nil} }
	tests := map[string]struct {
		first   data
		then    *data
		want    string
		failure string
	}{
		"short":           {data{[]capi.Payload{capi.Payload(login(7))}, gone, nil}, nil, "", ""},
		"none":            {data{none, gone, nil}, nil, unknownSession, ""},
		"long":            {ofLength(len(long)), &data{[]capi.Payload{long}, gone, nil}, "", ""},
		"gone meanwhile":  {ofLength(len(long)), &data{none, gone, nil}, unknownSession, ""},
		"grown meanwhile": {ofLength(len(long)), &data{none, []int{len(long) + 1}, nil}, unknownSession, ""},
		"too long":        {ofLength(longest + 1), nil, tooLong, ""},
		"fails":           {data{nil, nil, broken}, nil, "", "broken"},
		"fails later":     {ofLength(len(long)), &data{nil, nil, broken}, "", "broken"},
		"too few":         {data{nil, gone, nil}, nil, "", "SessionData returned 0 payloads and 1 lengths for 1 ids"},
		"no lengths":      {data{none, nil, nil}, nil, "", "SessionData returned 1 payloads and 0 lengths for 1 ids"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var limits []int
			db := newFakeDB(list(int64(0)))
			if test.want == "" && test.failure == "" {
				db.then(found(byID, row{}))
			}
			auth := newSessionAuthorizer(t, db.site(t, inRedis(boundedData(
				func(_ context.Context, ids []string, limit int) ([]capi.Payload, []int, error) {
					assert.Equal(t, []string{testID}, ids)
					if limits = append(limits, limit); len(limits) == 1 {
						return test.first.payloads, test.first.lengths, test.first.err
					}
					return test.then.payloads, test.then.lengths, test.then.err
				}))))
			err := auth.Authorize(withSession())
			want := []int{short}
			if test.then != nil {
				want = append(want, len(long)+short) // It may grow a little meanwhile.
			}
			assert.Equal(t, want, limits)
			if test.failure != "" {
				requireFailure(t, err)
				assert.ErrorContains(t, err, test.failure)
				return
			}
			requireAnswer(t, test.want, err)
		})
	}
}

// While long sessions take all their memory, other long ones wait, and short
// ones do not.
func TestSessionAuthorizerMemory(t *testing.T) {
	reading, read := make(chan struct{}), make(chan struct{})
	auth := func(db *fakeDB) *capi.SessionAuthorizer {
		return newSessionAuthorizer(t, db.site(t, inRedis(boundedData(
			func(_ context.Context, ids []string, limit int) ([]capi.Payload, []int, error) {
				switch {
				case ids[0] == otherID:
					return []capi.Payload{capi.Payload(login(7))}, []int{0}, nil
				case limit == short:
					return []capi.Payload{nil}, []int{longest}, nil
				}
				reading <- struct{}{}
				<-read
				return []capi.Payload{capi.Payload(login(7))}, []int{0}, nil
			}))))
	}(newFakeDB(list(int64(0)), found(byID, row{}), found(byID, row{}), found(byID, row{})))
	first, second := make(chan error, 1), make(chan error, 1)
	go func() { first <- auth.Authorize(withSession()) }()
	<-reading

	require.NoError(t, auth.Authorize(withCookies(cookieName("site")+"="+otherID)), "a short one")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := auth.Authorize(withSession().WithContext(ctx))
	requireFailure(t, err)
	require.ErrorIs(t, err, context.Canceled, "it waits no longer than its request")

	go func() { second <- auth.Authorize(withSession()) }()
	read <- struct{}{}
	require.NoError(t, <-first)
	<-reading // It is the second one's turn.
	read <- struct{}{}
	require.NoError(t, <-second)
}

// A versionedData is a SessionData that depends on the version of Joomla.
type versionedData func(version int) capi.SessionData

func (f versionedData) Payloads(context.Context, []string) ([]capi.Payload, error) {
	return nil, errors.New("asked without a version")
}
func (f versionedData) ForJoomla(version int) capi.SessionData { return f(version) }

// The SessionData is that of the site's current version.
func TestSessionDataForJoomla(t *testing.T) {
	three := variable("joomla", registry(`O:8:"stdClass":1:{s:9:"__default";`+loginData(testNow, 7)+`}`))
	held := map[int]string{3: three, 4: login(7), 0: three}
	denied := errors.New("Error 1143 (42000): SELECT command denied for column 'locked'")
	of := func(locked int64) reply { return found(byID, row{"locked": locked}) }
	plain := found(byID, row{}) // The column exists, so it is not read.
	tests := map[string]struct {
		replies []reply
		asked   []int
		failure string
	}{
		"3":                 {[]reply{list(int64(-1)), of(-1)}, []int{3}, ""},
		"4":                 {[]reply{list(int64(0)), plain}, []int{4}, ""},
		"column is hidden":  {[]reply{fails(denied), list(), plain}, []int{0}, ""},
		"table is hidden":   {[]reply{fails(denied), fails(denied)}, nil, "denied"},
		"query fails":       {[]reply{fails(errors.New("broken"))}, nil, "broken"},
		"upgraded":          {[]reply{list(int64(-1)), of(0), plain}, []int{3, 4}, ""},
		"upgraded and back": {[]reply{list(int64(-1)), of(0), fails(errors.New("unknown column")), list(int64(-1)), of(-1)}, []int{3, 4}, "site is being upgraded"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var asked []int
			db := newFakeDB(test.replies...)
			auth := newSessionAuthorizer(t, db.site(t, inRedis(versionedData(func(version int) capi.SessionData {
				asked = append(asked, version)
				return sessionDataFunc(func(context.Context, []string) ([]capi.Payload, error) {
					return []capi.Payload{capi.Payload(held[version])}, nil
				})
			}))))
			err := auth.Authorize(withSession())
			assert.Equal(t, test.asked, asked)
			if test.failure != "" {
				requireFailure(t, err)
				assert.ErrorContains(t, err, test.failure)
				return
			}
			require.NoError(t, err)
			// The version is not asked for again so soon.
			db.then(test.replies[len(test.replies)-1])
			require.NoError(t, auth.Authorize(withSession()))
		})
	}
}

func TestSQLStoreFillsForJoomla(t *testing.T) {
	var asked []int
	db := newFakeDB(list(int64(-1)), one())
	store := capi.NewSQLStore(db.site(t, inRedis(versionedData(func(version int) capi.SessionData {
		asked = append(asked, version)
		return odd(new([]int))
	}))))
	_, err := capi.Collect(store.Sessions(t.Context()))
	require.NoError(t, err)
	assert.Equal(t, []int{3}, asked)
}
