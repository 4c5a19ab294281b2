package capi_test

import (
	"context"
	"errors"
	"iter"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
)

func TestCollect(t *testing.T) {
	errFault := errors.New("fault")
	memory := []byte("first")
	lending := func(yield func(capi.Session, error) bool) {
		_ = yield(capi.Session{ID: "1", Data: memory}, nil) &&
			copy(memory, "again") > 0 && yield(capi.Session{ID: "2", Data: memory}, nil) &&
			yield(capi.Session{ID: "3"}, nil) && yield(capi.Session{ID: "4", Data: capi.Payload{}}, nil) &&
			yield(capi.Session{}, errFault)
	}
	sessions, err := capi.Collect(lending)
	assert.ErrorIs(t, err, errFault)
	assert.Equal(t, []capi.Session{
		{ID: "1", Data: capi.Payload("first")}, {ID: "2", Data: capi.Payload("again")}, {ID: "3"}, {ID: "4", Data: capi.Payload{}},
	}, sessions)

	sessions, err = capi.Collect(capi.Sessions{}.Sessions(t.Context()))
	assert.NoError(t, err)
	assert.Empty(t, sessions)
}

func TestStoreFunc(t *testing.T) {
	type key struct{}
	want := context.WithValue(t.Context(), key{}, 1)
	store := capi.StoreFunc(func(ctx context.Context) iter.Seq2[capi.Session, error] {
		assert.Equal(t, want, ctx)
		return capi.Sessions{{ID: "a"}}.Sessions(ctx)
	})
	sessions, err := capi.Collect(store.Sessions(want))
	require.NoError(t, err)
	assert.Equal(t, []capi.Session{{ID: "a"}}, sessions)
}

func TestSessionsKeepTheirOrder(t *testing.T) {
	want := capi.Sessions{{ID: "c"}, {ID: "a"}, {ID: "b"}}
	got, err := capi.Collect(want.Sessions(t.Context()))
	require.NoError(t, err)
	assert.Equal(t, want, capi.Sessions(got))
}

func TestSessionsNoticeEndOfContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var got []error
	for session, err := range (capi.Sessions{{ID: "a"}, {ID: "b"}}).Sessions(ctx) {
		if got = append(got, err); session.ID == "b" {
			cancel()
		}
	}
	assert.Equal(t, []error{nil, nil, context.Canceled}, got)
}
