package e2e

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius/rfc2865"

	"vault-plugin-auth-radius/internal/longtest"
	"vault-plugin-auth-radius/internal/radiustest"
)

// clusterUsers are the users whom the RADIUS server of the cluster knows.
var clusterUsers = radiustest.Users{
	"bob":   {Password: "bob-password"},
	"carol": {Password: "carol-password", Code: carolsCode},
	"dave":  {Password: "dave-password"},
	"erin":  {Password: "erin-password"},
	"frank": {Password: "frank-password"},
	"heidi": {Password: "heidi-password"},

	"bob@example.com": {Password: "bob-password"},
}

// cluster is the cluster that all tests of clusters share, with its RADIUS server.
type cluster struct {
	*vaultCluster
	radius *radiustest.Server
}

// TestCluster runs the tests that need a cluster, one after the other on the same one,
// since to start one takes longer than most of them. The step-down is the last: a node
// that has stepped down cannot become active for 10 s. Nor is the killed node started
// again before: it would take some seconds until raft tries it again.
func TestCluster(t *testing.T) {
	t.Parallel()
	build := buildNext(t)
	c := cluster{
		vaultCluster: startCluster(t),
		radius:       startRADIUS(t, radiustest.Options{Handler: clusterUsers.Handler()}),
	}
	c.active().write("auth/radius/config", configFor(c.radius.Host(), c.radius.Port(), map[string]any{
		"token_ttl": "1h", "password_hash_cost": 1,
	}))
	type clusterTest struct {
		name string
		run  func(*testing.T, cluster)
	}
	tests := []clusterTest{
		{"each node logs users in", testEachNodeLogsUsersIn},
		{"each node answers alike", testEachNodeAnswersAlike},
		{"standbys tell the client's address", testStandbysTellTheClientsAddress},
		{"what a node kept while it was active is gone when it is again", testActiveAgain},
		{"upgrade of the plugin", func(t *testing.T, c cluster) { testUpgradeOfThePlugin(t, c, build) }},
		{"kill -9 of the active node", func(t *testing.T, c cluster) { testFailover(t, c, c.killActive) }},
		{"step-down", func(t *testing.T, c cluster) { testFailover(t, c, c.stepDown) }},
	}
	if longtest.Enabled() {
		tests = append(tests, clusterTest{"writes through failovers", testWritesThroughFailovers})
	}
	tests = append(tests, clusterTest{"nothing is left running", testNothingIsLeftRunning})
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.run(t, c) })
	}
}

func testEachNodeLogsUsersIn(t *testing.T, c cluster) {
	for _, node := range c.nodes {
		require.Equal(t, "bob", node.login("auth/radius", "bob", "bob-password").Metadata["username"])
		status, text := node.refused("auth/radius/login/bob", map[string]any{"password": "wrong"})
		require.Equal(t, http.StatusBadRequest, status)
		require.Equal(t, deniedText, text)
	}
}

// testEachNodeAnswersAlike sends requests of all kinds to each node: standbys hand them on,
// and what comes back.
func testEachNodeAnswersAlike(t *testing.T, c cluster) {
	const json, mergePatch = "application/json", "application/merge-patch+json"
	c.nodes[0].write("auth/radius/users/dave", map[string]any{"policies": "dev"})
	c.nodes[0].write("auth/radius/users/gina", map[string]any{"extauth": "local", "password": "gina-password"})
	const packet = `{"status_type": "Start", "session_id": "1", "unique_id": "1", "username": "gina",
		"nas_ip_address": "192.0.2.9"}`
	c.nodes[0].request("POST", "auth/radius/freeradius/accounting", json, packet)
	for _, request := range []struct {
		method, path, contentType, body string
		status                          int
	}{
		{"GET", "config", "", "", 200},
		{"POST", "config", json, `{"port": "x"}`, 400},
		{"PATCH", "users/dave", mergePatch, `{"metadata": {"floor": "2", "room": null}}`, 204},
		{"GET", "users/dave", "", "", 200},
		{"GET", "users?list=true&limit=1&detailed=true", "", "", 200},
		{"LIST", "users", "", "", 200},
		{"GET", "users/nobody", "", "", 404},
		{"PATCH", "users/nobody", mergePatch, `{"enabled": false}`, 404},
		{"POST", "login/carol", json, `{"password": "wrong"}`, 400},
		{"POST", "freeradius/authorize", json, `{"username": "gina", "password": "gina-password"}`, 200},
		{"POST", "freeradius/authorize", json, `{"username": "gina", "password": "wrong"}`, 204},
		{"POST", "freeradius/accounting", json, packet, 200},
		{"GET", "freeradius/accounting?username=gina", "", "", 200},
	} {
		var first string
		for i, node := range c.nodes {
			status, answer := node.request(request.method, "auth/radius/"+request.path, request.contentType, request.body)
			require.Equal(t, request.status, status, "%s %s: %s", request.method, request.path, answer)
			answer = requestID.ReplaceAllString(answer, "")
			if i == 0 {
				first = answer
			}
			require.Equal(t, first, answer, "%s %s", request.method, request.path)
		}
	}
}

// requestID is what differs in the answers to two requests that are the same.
var requestID = regexp.MustCompile(`"request_id":"[^"]*"`)

// testStandbysTellTheClientsAddress logs in from an address that no node has.
func testStandbysTellTheClientsAddress(t *testing.T, c cluster) {
	for _, node := range c.nodes {
		before := len(c.radius.Requests())
		client := addressedClient{t: t, vault: strings.TrimPrefix(node.Client.Address(), "http://"), from: "127.0.0.77"}
		client.login()
		request := c.radius.Requests()[before]
		require.Equal(t, "127.0.0.77", rfc2865.CallingStationID_GetString(request.Packet), node.name)
	}
}

// testActiveAgain has another node become active and the first one again, and changes in
// between what the first one knew.
func testActiveAgain(t *testing.T, c cluster) {
	c.nodes[0].enableUser("frank", false)
	for _, node := range c.nodes {
		require.True(t, node.decide("dave", "dave-password").accepted(), node.name)
		require.True(t, node.decide("erin", "erin-password").accepted(), node.name)
		require.True(t, node.decide("frank", "frank-password").refused(), node.name)
	}
	writeNames(t, c)

	before := c.sealActive()
	c.settle()
	requireNames(t, c)
	meanwhile := c.active()
	meanwhile.enableUser("dave", false)
	meanwhile.enableUser("erin", false)
	meanwhile.enableUser("frank", true)
	c.unseal(before)
	for c.active() != before { // raft prefers nodes that are up to date, in their order
		sealed := c.sealActive()
		c.settle()
		c.unseal(sealed)
	}
	for _, node := range c.nodes {
		require.True(t, node.decide("dave", "dave-password").refused(), node.name)
		require.True(t, node.decide("erin", "erin-password").refused(), node.name)
		require.True(t, node.decide("frank", "frank-password").accepted(), node.name)
	}
}

// writeNames mounts the plugin at auth/names, with rules for names and a lockout, and has
// bob locked out there. Each request goes to another node.
func writeNames(t *testing.T, c cluster) {
	t.Helper()
	c.nodes[0].enable("names", pluginName)
	c.nodes[1].write("auth/names/config", configFor(c.radius.Host(), c.radius.Port(), map[string]any{
		"default_realm": "example.com", "case_insensitive_usernames": true, "lockout_threshold": len(c.nodes),
	}))
	c.nodes[2].write("auth/names/users/BOB", map[string]any{"policies": "dev"})
	for _, node := range c.nodes {
		node.refused("auth/names/login/bob", map[string]any{"password": "wrong"})
	}
	for _, node := range c.nodes {
		node.refused("auth/names/login/bob", map[string]any{"password": "bob-password"})
	}
}

// requireNames holds another active node against what writeNames has done. Failed logins
// are the active node's own.
func requireNames(t *testing.T, c cluster) {
	t.Helper()
	for _, node := range c.serving() {
		auth := node.login("auth/names", "Bob", "bob-password")
		require.Equal(t, "bob@example.com", auth.Metadata["username"])
		require.ElementsMatch(t, []string{"default", "dev"}, auth.Policies)
	}
}

// testFailover has another node become active while users log in at each node, and at a NAS
// behind FreeRADIUS, which asks a standby.
func testFailover(t *testing.T, c cluster, failOver func()) {
	standbys := c.standbys()
	first, other := standbys[0], standbys[len(standbys)-1]
	bobs := first.login("auth/radius", "bob", "bob-password").ClientToken
	first.enableUser("dave", true)
	daves := first.login("auth/radius", "dave", "dave-password").ClientToken
	answered, open := first.challenge(), first.challenge()
	other.answer(answered)

	nas := c.nasTraffic(t, first)
	right := c.traffic(t, "bob", "bob-password")
	wrong := c.traffic(t, "erin", "wrong")
	barred := c.traffic(t, "dave", "dave-password")
	nas.awaitAccept(t, time.Time{})
	right.awaitEach("accepted", time.Time{}, clusterAnswer.accepted)
	wrong.awaitEach("refused", time.Time{}, clusterAnswer.refused)
	barred.awaitEach("accepted", time.Time{}, clusterAnswer.accepted)
	disables := time.Now()
	other.enableUser("dave", false)
	disabled := time.Now()
	failOver()
	c.settle()
	settled := time.Now()
	nas.awaitAccept(t, settled)
	right.awaitEach("accepted", settled, clusterAnswer.accepted)
	wrong.awaitEach("refused", settled, clusterAnswer.refused)
	barred.awaitEach("refused", settled, clusterAnswer.refused)
	enables := time.Now()
	c.standbys()[0].enableUser("dave", true)
	enabled := time.Now()
	barred.awaitEach("accepted", enabled, clusterAnswer.accepted)

	rightLogins, wrongLogins, barredLogins := right.stop(), wrong.stop(), barred.stop()
	nas.requireNoReject(t)
	c.requireAll("bob, whose password is right", rightLogins, clusterAnswer.accepted)
	c.requireAll("erin, whose password is wrong", wrongLogins, clusterAnswer.refused)
	c.requireAll("dave, before he is disabled", between(barredLogins, time.Time{}, disables), clusterAnswer.accepted)
	c.requireAll("dave, who is disabled", between(barredLogins, disabled, enables), clusterAnswer.refused)
	c.requireAll("dave, who is enabled again", between(barredLogins, enabled, time.Now()), clusterAnswer.accepted)
	for _, node := range c.serving() {
		t.Logf("%s: no login is accepted for %.1f s", node.name, longestGap(rightLogins, node).Seconds())
	}
	await(t, "only the active node runs the plugin", func() bool { return c.pluginRunsOnlyAt(c.active()) })

	testChallengesAfterFailover(t, c, answered, open)
	testShutOutAtEachNode(t, c, bobs, daves)
}

// testChallengesAfterFailover answers challenges of before the failover: one that was
// answered then, and one that was not.
func testChallengesAfterFailover(t *testing.T, c cluster, answered, open string) {
	t.Helper()
	before := c.carolsRequests()
	c.active().answer(open)
	require.Equal(t, before+1, c.carolsRequests(), "the code is sent once")
	for name, id := range map[string]string{"answered before": answered, "answered now": open} {
		code := map[string]any{"challenge_id": id, "password": carolsCode}
		status, _ := c.standbys()[0].refused("auth/radius/login/carol", code)
		require.Equal(t, http.StatusBadRequest, status, name)
	}
	require.Equal(t, before+2, c.carolsRequests(), "the RADIUS server refuses the State that was used before")
}

// testShutOutAtEachNode disables dave, and enables him again, at each node. daves is a
// token of his, bobs is one of a user's whom nothing happens to.
func testShutOutAtEachNode(t *testing.T, c cluster, bobs, daves string) {
	t.Helper()
	renew := func(token string) error {
		_, err := c.standbys()[0].as(token).Auth().Token().RenewSelf(0)
		return err
	}
	for _, node := range c.serving() {
		require.NoError(t, renew(bobs))
		require.NoError(t, renew(daves))
		node.enableUser("dave", false)
		for _, each := range c.serving() {
			require.True(t, each.decide("dave", "dave-password").refused(), "disabled at %s, at %s", node.name, each.name)
		}
		status, text := refusal(t, renew(daves))
		require.Equal(t, http.StatusBadRequest, status)
		require.Contains(t, text, "disabled, not renewing")
		node.enableUser("dave", true)
		for _, each := range c.serving() {
			require.True(t, each.decide("dave", "dave-password").accepted(), "enabled at %s, at %s", node.name, each.name)
		}
	}
}

// testNothingIsLeftRunning ends the nodes, and with them the plugin.
func testNothingIsLeftRunning(t *testing.T, c cluster) {
	require.NotEmpty(t, c.active().pluginProcesses())
	c.stop()
	await(t, "the plugin has ended with its Vaults", func() bool { return c.pluginRunsOnlyAt(nil) })
}

// pluginRunsOnlyAt reports whether no other node has processes of the plugin, those of
// killed Vaults included.
func (c cluster) pluginRunsOnlyAt(active *clusterNode) bool {
	return !slices.ContainsFunc(c.nodes, func(node *clusterNode) bool {
		return node != active && len(node.pluginProcesses()) > 0
	})
}

// challenge takes the first step of a login of carol's.
func (n *clusterNode) challenge() (id string) {
	n.t.Helper()
	secret := n.write("auth/radius/login/carol", map[string]any{"password": "carol-password"})
	require.Nil(n.t, secret.Auth)
	return secret.Data["challenge_id"].(string)
}

// answer takes the second step, with the right code.
func (n *clusterNode) answer(id string) {
	n.t.Helper()
	secret := n.write("auth/radius/login/carol", map[string]any{"challenge_id": id, "password": carolsCode})
	require.Equal(n.t, "carol", secret.Auth.Metadata["username"])
}

// enableUser registers a user who may, or may not, log in.
func (n *clusterNode) enableUser(name string, enabled bool) {
	n.t.Helper()
	n.write("auth/radius/users/"+name, map[string]any{"policies": "dev", "enabled": enabled})
}

// carolsRequests returns how many Access-Requests for carol have reached the RADIUS
// server, copies not counted.
func (c cluster) carolsRequests() int {
	return c.requestsOf("carol")
}
