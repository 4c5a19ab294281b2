package redisdata

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/capi-go/capi"
)

// errMoving is the error of a list while slots of a Cluster move from one node
// to another.
var errMoving = fmt.Errorf("%w: slots of the Cluster are moving", capi.ErrUnavailable)

// slots returns which nodes of a Cluster have which slots, as each of its
// masters says, with the numbers that change whenever one gets a slot. It fails
// while slots are moving: their keys are on two nodes, on each of which SCAN may
// find them or not.
func slots(ctx context.Context, masters []*redis.Client) (string, error) {
	var all []string
	for _, master := range masters {
		text, err := master.ClusterNodes(ctx).Result()
		if err != nil {
			return "", err
		}
		for line := range strings.Lines(text) {
			// id, address, flags, master, ping, pong, epoch, state, and slots.
			const id, epoch, first = 0, 6, 8
			fields := strings.Fields(line)
			if len(fields) < first {
				return "", errAnswer
			}
			if len(fields) == first {
				continue // It has none.
			}
			// A node tells of its own that are moving: [slot->-node], [slot-<-node].
			if slices.ContainsFunc(fields[first:], func(slot string) bool { return strings.HasPrefix(slot, "[") }) {
				return "", errMoving
			}
			all = append(all, master.Options().Addr+" "+fields[id]+" "+fields[epoch]+" "+strings.Join(fields[first:], " "))
		}
	}
	slices.Sort(all)
	return strings.Join(all, "\n"), nil
}
