package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// How many connections write what while other nodes become active, and for how long.
const (
	clusterUserWriters = 8
	clusterUsersOfEach = 20 // names that a writer writes in turn

	clusterBatchWriters = 2
	clusterBatchSize    = 5

	clusterWritesFor     = 90 * time.Second
	clusterWritesBetween = 100 // that are answered between two failovers, at least
)

// testWritesThroughFailovers writes users, batches and a profile, and logs in, at all
// nodes, while one after the other becomes active in all ways. What was acknowledged is
// stored then, and nothing is half made.
func testWritesThroughFailovers(t *testing.T, c cluster) {
	for _, node := range c.nodes {
		if !node.unsealed {
			c.restart(node)
		}
	}
	c.active().write("auth/radius/profiles", map[string]any{"name": "Office", "short_name": "office"})
	right := c.traffic(t, "bob", "bob-password")
	wrong := c.traffic(t, "erin", "wrong")
	until := time.Now().Add(clusterWritesFor)
	var answered atomic.Int64
	group, ctx := errgroup.WithContext(t.Context())
	writers := make([]*clusterWriter, clusterUserWriters+clusterBatchWriters+1)
	for number := range writers {
		writer := &clusterWriter{
			c: c.vaultCluster, ctx: ctx, number: number, users: map[string]string{}, batches: map[string]bool{},
		}
		writers[number] = writer
		group.Go(func() error {
			for i := 0; time.Now().Before(until); i++ {
				if err := writer.write(i); err != nil {
					return err
				}
				answered.Add(1)
			}
			return nil
		})
	}
	failOvers := 0
	over := func() bool { return time.Now().After(until) || ctx.Err() != nil }
	for ; !over(); failOvers++ {
		before := answered.Load()
		await(t, "writes are answered", func() bool { return over() || answered.Load() >= before+clusterWritesBetween })
		c.failOver(failOvers)
	}
	require.NoError(t, group.Wait())
	c.requireAll("bob, whose password is right", right.stop(), clusterAnswer.accepted)
	c.requireAll("erin, whose password is wrong", wrong.stop(), clusterAnswer.refused)

	repeated := 0
	users, batches := map[string]string{}, map[string]bool{}
	for _, writer := range writers {
		repeated += writer.repeated
		maps.Copy(users, writer.users)
		maps.Copy(batches, writer.batches)
	}
	t.Logf("%d failovers, %d writes, %d requests that were sent again", failOvers, answered.Load(), repeated)
	for _, node := range c.nodes {
		for name, policy := range users {
			secret, err := node.Client.Logical().Read("auth/radius/users/" + name)
			require.NoError(t, err)
			if policy == "" {
				require.Nil(t, secret, name)
				continue
			}
			require.NotNil(t, secret, name)
			require.Equal(t, []any{policy}, secret.Data["policies"], name)
		}
	}
	c.requireBatches(batches)
}

// failOver has another node become active, in another way for each number.
func (c *vaultCluster) failOver(number int) {
	c.t.Helper()
	switch was := c.active(); number % 7 {
	case 0, 3:
		c.stepDown()
		c.settle()
	case 1, 4:
		was.crash()
		c.settle()
		c.restart(was)
	case 2, 5:
		sealed := c.sealActive()
		c.settle()
		c.unseal(sealed)
	case 6: // the others wait half a minute for it
		was.pause()
		c.settle()
		was.resume()
		c.settle()
	}
}

// requireBatches waits until half-made batches have been removed, which is done every
// minute, and fails the test unless each batch has all of its users, or none.
func (c *vaultCluster) requireBatches(created map[string]bool) {
	c.t.Helper()
	node := c.active()
	listed := func(path string) []any {
		secret, err := node.Client.Logical().List(path)
		require.NoError(c.t, err)
		if secret == nil {
			return nil
		}
		return secret.Data["keys"].([]any)
	}
	names := func() map[string]bool {
		found := map[string]bool{}
		for _, name := range listed("auth/radius/freeradius/batch") {
			found[name.(string)] = true
		}
		return found
	}
	await(c.t, "half-made batches are removed", func() bool {
		for name := range names() {
			secret, err := node.Client.Logical().Read("auth/radius/freeradius/batch/" + name)
			if err != nil || secret == nil {
				return false
			}
		}
		return true
	})
	found := names()
	users := map[string]int{}
	for _, user := range listed("auth/radius/users") {
		name := user.(string)
		if i := slices.Index([]byte(name), '.'); i >= 0 {
			users[name[:i]]++
		}
	}
	for name, there := range created {
		require.Equal(c.t, there, found[name], name)
	}
	for name := range found {
		require.Equal(c.t, clusterBatchSize, users[name], name)
		delete(users, name)
	}
	require.Empty(c.t, users, "users of batches that are not there")
}

// clusterWriter sends one request after another, each until it is answered, and each time
// to another node.
type clusterWriter struct {
	c      *vaultCluster
	ctx    context.Context
	number int

	requests, repeated int // repeated are those of which the first answer said nothing

	users   map[string]string // the policy of each that was written; "": it was deleted
	batches map[string]bool   // whether each is there; what nobody knows is missing
}

// write writes the next thing.
func (w *clusterWriter) write(i int) error {
	switch {
	case w.number < clusterUserWriters:
		return w.writeUser(i)
	case w.number < clusterUserWriters+clusterBatchWriters:
		return w.writeBatch(i)
	}
	timeout := map[string]any{"attribute": "Session-Timeout", "op": ":=", "value": fmt.Sprint(60 + i)}
	profile := map[string]any{"name": "Office", "reply_attribute": []any{timeout}}
	_, err := w.send(http.MethodPost, "profiles/office", profile, http.StatusOK)
	return err
}

// writeUser registers, changes or deletes a user.
func (w *clusterWriter) writeUser(i int) error {
	name := fmt.Sprintf("w%d-%d", w.number, i%clusterUsersOfEach)
	if i%7 == 6 {
		w.users[name] = ""
		_, err := w.send(http.MethodDelete, "users/"+name, nil, http.StatusNoContent)
		return err
	}
	policy := fmt.Sprintf("policy-%d", i)
	w.users[name] = policy
	user := map[string]any{"policies": policy, "profiles": []string{"", "office"}[i%2]}
	_, err := w.send(http.MethodPost, "users/"+name, user, http.StatusNoContent)
	return err
}

// writeBatch creates a batch, and deletes every third. Its users have its name and a
// number.
func (w *clusterWriter) writeBatch(i int) error {
	name := fmt.Sprintf("b%d-%d", w.number, i)
	status, err := w.send(http.MethodPost, "freeradius/batch", map[string]any{
		"name": name, "strategy": "prefix", "prefix": name + ".", "number_of_users": clusterBatchSize, "profiles": "office",
	}, http.StatusCreated, http.StatusConflict)
	if err != nil || status == http.StatusConflict { // it is there, or half made
		return err
	}
	w.batches[name] = true
	if i%3 != 2 {
		return nil
	}
	w.batches[name] = false
	_, err = w.send(http.MethodDelete, "freeradius/batch/"+name, nil, http.StatusNoContent, http.StatusNotFound)
	return err
}

// send returns the status of the plugin's answer, which has to be the first of those that
// are expected, or another one if the request may have been carried out before.
func (w *clusterWriter) send(method, path string, body map[string]any, expected ...int) (status int, err error) {
	var encoded []byte
	if body != nil {
		if encoded, err = json.Marshal(body); err != nil {
			return 0, err
		}
	}
	tick := time.NewTicker(trafficInterval)
	defer tick.Stop()
	for attempt := range 1 << 20 {
		node := w.c.nodes[(w.number+w.requests)%len(w.c.nodes)]
		w.requests++
		answer := node.send(method, "auth/radius/"+path, rootToken, encoded)
		if !answer.undecided() {
			if answer.status == expected[0] || attempt > 0 && slices.Contains(expected, answer.status) {
				return answer.status, nil
			}
			return 0, fmt.Errorf("%s %s: %s", method, path, answer)
		}
		w.repeated++
		select {
		case <-tick.C:
		case <-w.ctx.Done():
			return 0, w.ctx.Err()
		}
	}
	return 0, fmt.Errorf("%s %s: no answer", method, path)
}
