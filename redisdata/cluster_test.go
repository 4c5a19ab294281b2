package redisdata_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/capi-go/capi"
	"github.com/capi-go/capi/redisdata"
	"github.com/capi-go/capi/storetest"
)

// long skips a test that starts several servers, unless CAPI_LONG is set.
func long(t testing.TB) {
	t.Helper()
	if os.Getenv("CAPI_LONG") == "" {
		t.Skip("CAPI_LONG is not set")
	}
}

// ownCluster starts a Cluster with three masters for the test.
func ownCluster(t testing.TB) ([]*server, *redis.ClusterClient) {
	t.Helper()
	var nodes []*server
	var addrs []string
	for range 3 {
		node := ownServer(t, "--cluster-enabled", "yes", "--cluster-node-timeout", "1000")
		nodes, addrs = append(nodes, node), append(addrs, node.addr())
	}
	for i, node := range nodes {
		client := node.client()
		require.NoError(t, client.ClusterAddSlotsRange(t.Context(), i*16384/3, (i+1)*16384/3-1).Err())
		require.NoError(t, client.ClusterMeet(t.Context(), "127.0.0.1", strconv.Itoa(nodes[0].port)).Err())
		until(t, func(ctx context.Context) bool {
			info, err := client.ClusterInfo(ctx).Result()
			return i == 0 || err == nil && strings.Contains(info, "cluster_known_nodes:"+strconv.Itoa(i+1))
		})
		require.NoError(t, client.Close())
	}
	for _, node := range nodes {
		client := node.client()
		until(t, func(ctx context.Context) bool {
			info, err := client.ClusterInfo(ctx).Result()
			return err == nil && strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_size:3")
		})
		require.NoError(t, client.Close())
	}
	cluster := redis.NewUniversalClient(&redis.UniversalOptions{Addrs: addrs}).(*redis.ClusterClient)
	t.Cleanup(func() { cluster.Close() })
	return nodes, cluster
}

func TestCluster(t *testing.T) {
	long(t)
	nodes, cluster := ownCluster(t)
	storetest.Run(t, func(t *testing.T, sessions []capi.Session) capi.Store {
		return newAsRows(t, cluster, "capi-test-"+t.Name()+":", sessions)
	})
	data := redisdata.New(cluster)
	guarded, c := guarded(t, data)
	guarded.requireStatus(t, http.StatusUnauthorized, c.Cookies)
	for key, stored := range c.Redis {
		require.NoError(t, cluster.Set(t.Context(), key, stored.Value, time.Hour).Err())
	}
	guarded.requireStatus(t, http.StatusOK, c.Cookies)
	require.NoError(t, cluster.LPush(t.Context(), "jfwlist", "of another type").Err())
	got, err := data.Payloads(t.Context(), []string{"list", "gone"})
	require.NoError(t, err)
	assert.Equal(t, []capi.Payload{nil, nil}, got)

	const n = 6000
	list := redisdata.Options{Prefix: "list:"}.New(cluster)
	tables, site := newSite(t, emptyRecording(), list, true)
	fill(t, cluster, "list:", tables, n, 8000)
	filled := serve(t, capi.NewSQLStore(site), anyone)
	for i, session := range filled.list(t) {
		require.Equal(t, payload(i, 8000), string(session.Data))
	}
	walked := serve(t, redisdata.NewStore(list), anyone)
	assert.Len(t, walked.list(t), n)

	// One master is lost, with its slots.
	filled.requireCut(t, nodes[1].kill)
	until(t, func(ctx context.Context) bool {
		_, err := data.Payloads(ctx, []string{"any"})
		return err != nil
	})
	status, _, err := walked.get(t.Context(), nil, nil)
	assert.True(t, status == http.StatusInternalServerError || err != nil, "%d %v", status, err)
	guarded.requireStatus(t, http.StatusInternalServerError, c.Cookies)
}

func TestClusterLosesMasterDuringWalk(t *testing.T) {
	long(t)
	nodes, cluster := ownCluster(t)
	fill(t, cluster, "jfw", nil, 6000, 8000)
	serve(t, redisdata.NewStore(redisdata.New(cluster)), anyone).requireCut(t, func() {
		for _, node := range nodes[1:] { // Whatever their order, one of them was not read yet.
			node.kill()
		}
	})
}

func TestSentinelFailover(t *testing.T) {
	long(t)
	master := ownServer(t)
	replicas := []*server{
		ownServer(t, "--replicaof", "127.0.0.1", strconv.Itoa(master.port)),
		ownServer(t, "--replicaof", "127.0.0.1", strconv.Itoa(master.port)),
	}
	var addrs []string
	for range 3 {
		sentinel := &server{port: freePort(t)}
		file := filepath.Join(t.TempDir(), "sentinel.conf") // Sentinel writes to it.
		require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, "port %d\nbind 127.0.0.1\nsentinel monitor site 127.0.0.1 %d 2\n"+
			"sentinel down-after-milliseconds site 500\nsentinel failover-timeout site 3000\n", sentinel.port, master.port), 0o600))
		sentinel.args = []string{file, "--sentinel"}
		sentinel.start(t)
		t.Cleanup(sentinel.kill)
		addrs = append(addrs, sentinel.addr())
	}
	client := redis.NewUniversalClient(&redis.UniversalOptions{MasterName: "site", Addrs: addrs})
	defer client.Close()
	data := redisdata.New(client)
	tables, site := newSite(t, emptyRecording(), data, true)
	const n = 3000
	fill(t, client, "jfw", tables, n, 4000)
	guarded, c := guarded(t, data)
	for key, stored := range c.Redis {
		require.NoError(t, client.Set(t.Context(), key, stored.Value, time.Hour).Err())
	}
	for _, replica := range replicas {
		client := replica.client()
		until(t, func(ctx context.Context) bool { return client.DBSize(ctx).Val() == int64(n+len(c.Redis)) })
		require.NoError(t, client.Close())
	}
	for _, addr := range addrs { // A Sentinel can only promote replicas that it knows.
		sentinel := redis.NewSentinelClient(&redis.Options{Addr: addr})
		until(t, func(ctx context.Context) bool {
			known, err := sentinel.Replicas(ctx, "site").Result()
			others, err2 := sentinel.Sentinels(ctx, "site").Result()
			return err == nil && err2 == nil && len(known) == 2 && len(others) == 2
		})
		require.NoError(t, sentinel.Close())
	}
	guarded.requireStatus(t, http.StatusOK, c.Cookies)

	stores := []*service{serve(t, capi.NewSQLStore(site), anyone), serve(t, redisdata.NewStore(data), anyone)}
	var whole, failed, wrong atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	for i := range 8 {
		readers.Go(func() {
			for ctx.Err() == nil {
				store := stores[i%2]
				status, body, err := store.get(context.Background(), nil, nil)
				switch {
				case err != nil || status == http.StatusInternalServerError:
					failed.Add(1)
				// Each session has its data, which says how long it is, and the
				// walk also has the guard's session.
				case status == http.StatusOK && strings.Count(string(body), "x|s:4000:") == n:
					whole.Add(1)
				default:
					wrong.Add(1)
				}
			}
		})
	}
	until(t, func(context.Context) bool { return whole.Load() >= 20 })
	master.kill()
	before := whole.Load()
	until(t, func(context.Context) bool { return whole.Load() >= before+40 })
	stop()
	readers.Wait()
	t.Logf("lists: %d whole, %d cut or refused, %d wrong", whole.Load(), failed.Load(), wrong.Load())
	assert.Zero(t, wrong.Load())
	assert.NotZero(t, failed.Load())
	guarded.requireStatus(t, http.StatusOK, c.Cookies)
}

// TestClusterMovesSlots moves slots to and fro while lists are read: each list
// is whole and has each session once, or fails.
func TestClusterMovesSlots(t *testing.T) {
	long(t)
	nodes, cluster := ownCluster(t)
	const n = 1500
	fill(t, cluster, "jfw", nil, n, 200)
	var clients []*redis.Client
	var ids []string
	for _, node := range nodes {
		client := node.client()
		t.Cleanup(func() { client.Close() })
		id, err := client.Do(t.Context(), "CLUSTER", "MYID").Text()
		require.NoError(t, err)
		clients, ids = append(clients, client), append(ids, id)
	}
	// move moves a slot with its keys, as redis-cli --cluster reshard does.
	move := func(slot, from, to int) {
		do := func(node int, args ...any) {
			if !t.Failed() {
				assert.NoError(t, clients[node].Do(t.Context(), args...).Err(), "%v", args)
			}
		}
		do(to, "CLUSTER", "SETSLOT", slot, "IMPORTING", ids[from])
		do(from, "CLUSTER", "SETSLOT", slot, "MIGRATING", ids[to])
		for {
			keys, err := clients[from].ClusterGetKeysInSlot(t.Context(), slot, 10).Result()
			if !assert.NoError(t, err) || len(keys) == 0 {
				break
			}
			for _, key := range keys {
				do(from, "MIGRATE", "127.0.0.1", nodes[to].port, key, 0, 1000)
			}
		}
		do(to, "CLUSTER", "SETSLOT", slot, "NODE", ids[to])
		do(from, "CLUSTER", "SETSLOT", slot, "NODE", ids[to])
	}
	store := redisdata.NewStore(redisdata.New(cluster))
	whole, failed := 0, 0
	read := func() {
		seen := map[string]bool{}
		sessions, err := capi.Collect(store.Sessions(t.Context()))
		if err != nil {
			failed++
			if len(sessions) == 0 {
				assert.ErrorIs(t, err, capi.ErrUnavailable)
			}
			return
		}
		whole++
		for _, session := range sessions {
			assert.False(t, seen[session.ID], "a session that is listed twice")
			seen[session.ID] = true
		}
		assert.Len(t, seen, n)
	}
	var stop atomic.Bool
	var group sync.WaitGroup
	group.Go(func() {
		for slot := 0; !stop.Load() && !t.Failed(); slot = (slot + 1) % 400 {
			move(slot, 0, 1)
			move(slot, 1, 0)
			time.Sleep(50 * time.Millisecond) // So that some lists are whole.
		}
	})
	for begun := time.Now(); time.Since(begun) < 10*time.Second && !t.Failed(); {
		read()
	}
	stop.Store(true)
	group.Wait()
	t.Logf("%d lists whole, %d failed", whole, failed)
	assert.Positive(t, failed)
	until(t, func(context.Context) bool {
		before := whole
		read()
		return whole > before
	})
}
