package e2e

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/postgrestest"
)

func startPostgres(t testing.TB) *postgrestest.Postgres {
	t.Helper()
	p, err := postgrestest.Start(t.Context(), t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Stop()) })
	return p
}

const (
	bobsAttempt    = `{"username": "bob", "reply": "Access-Accept"}`
	freeRADIUSPath = "auth/radius/freeradius/"
)

// startOf returns the Start of a session of bob's.
func startOf(session string) string {
	return `{"status_type": "Start", "session_id": "` + session + `", "username": "bob", "nas_ip_address": "192.0.2.1"}`
}

// post sends what FreeRADIUS sends, and returns the status.
func (v *vaultServer) post(path, body string) int {
	v.t.Helper()
	status, _ := v.request(http.MethodPost, freeRADIUSPath+path, jsonContent, body)
	return status
}

func TestPostgresHoldsUpNoLoginAndLosesNoSession(t *testing.T) {
	t.Parallel()
	v := startPlugin(t)
	p := startPostgres(t)
	v.write("auth/radius/config", map[string]any{"extauth": "local", "password_hash_cost": 1})
	v.write("auth/radius/users/bob", map[string]any{"password": bobsPassword})
	v.write(freeRADIUSPath+"config", map[string]any{"store": "postgres", "connection_url": p.URL("postgres")})

	for _, behaviour := range []struct {
		name string
		test func(t *testing.T, v *vaultServer, p *postgrestest.Postgres)
	}{
		{"logins do not wait for the table of attempts", testLockedTable},
		{"PostgreSQL that is away refuses no login, and is used again", testPostgresThatIsAway},
		{"PostgreSQL that refuses the new connection_url leaves the old in use", testWrongConnectionURL},
		{"connection_url is not shown", testConnectionURLIsNotShown},
		{"role that may not create an index is warned of", testRoleWithoutIndexes},
	} {
		v.run(t, behaviour.name, func(t *testing.T) { behaviour.test(t, v, p) })
	}
}

func testLockedTable(t *testing.T, v *vaultServer, p *postgrestest.Postgres) {
	require.Equal(t, http.StatusCreated, v.post("postauth", bobsAttempt))
	unlock := lock(t, p, "radpostauth") // as a backup does, say
	require.Equal(t, http.StatusNoContent, v.post("postauth", bobsAttempt))
	unlock()
	require.Equal(t, http.StatusCreated, v.post("postauth", bobsAttempt))
}

func testPostgresThatIsAway(t *testing.T, v *vaultServer, p *postgrestest.Postgres) {
	require.Equal(t, http.StatusCreated, v.post("accounting", startOf("away")))
	require.NoError(t, p.Kill())
	require.Equal(t, http.StatusServiceUnavailable, v.post("accounting", startOf("away")))
	v.log.await(t, "check that it runs and listens there")
	require.Equal(t, http.StatusOK, v.post("authorize", `{"username": "bob", "password": "bob-password"}`))
	require.Equal(t, http.StatusNoContent, v.post("postauth", bobsAttempt), "a log that is away refuses no login")
	require.NoError(t, p.Restart())
	require.NoError(t, v.record(t.Context(), startOf("away")))
	require.Len(t, v.sessions("username=bob"), 1, "nothing that was acknowledged is lost")
}

func testWrongConnectionURL(t *testing.T, v *vaultServer, p *postgrestest.Postgres) {
	require.Equal(t, http.StatusCreated, v.post("accounting", startOf("kept")))
	for _, wrong := range []struct{ url, text string }{
		{p.URLOf("postgres", "wrong-password", "postgres"), "refuses user"},
		{p.URL("nowhere"), "nowhere"},
		{"postgres://bob@127.0.0.1:1/x", "not available"},
		{"postgres://127.0.0.1:1/x", "names no user"},
		{"postgres://bob@127.0.0.1:1/x?passfile=/etc/passwd", "has passfile"},
		{"mysql://user:hush@h/x", "cannot be read"},
	} {
		status, text := v.refused(freeRADIUSPath+"config", map[string]any{"connection_url": wrong.url})
		require.Equal(t, http.StatusBadRequest, status)
		require.Contains(t, text, wrong.text)
		require.NotContains(t, text, "wrong-password")
		require.NotContains(t, text, "hush")
	}
	require.Equal(t, http.StatusOK, v.post("accounting", startOf("kept")), "the session is there")
}

func testConnectionURLIsNotShown(t *testing.T, v *vaultServer, _ *postgrestest.Postgres) {
	require.NotContains(t, fmt.Sprint(v.read(freeRADIUSPath+"config")), "postgres://")
}

// testRoleWithoutIndexes leaves the session store with the role.
func testRoleWithoutIndexes(t *testing.T, v *vaultServer, p *postgrestest.Postgres) {
	require.NoError(t, p.Exec(t.Context(), "postgres", `CREATE ROLE clerk LOGIN PASSWORD 'clerk-password';
		GRANT SELECT, INSERT, UPDATE, DELETE ON radacct, radpostauth TO clerk;
		GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO clerk; DROP INDEX radacct_user_newest_idx`))
	config := mustMarshal(t, map[string]any{"connection_url": p.URLOf("clerk", "clerk-password", "postgres")})
	status, answer := v.request("POST", freeRADIUSPath+"config", jsonContent, config)
	require.Equal(t, http.StatusOK, status, answer)
	require.Contains(t, answer, "may not create an index that queries need")
	require.Contains(t, answer, "radacct_user_newest_idx")
	require.Equal(t, http.StatusCreated, v.post("accounting", startOf("clerk")), "the role may record sessions")
	require.NotContains(t, fmt.Sprint(v.read(freeRADIUSPath+"config")), "postgres://")
}

// lock locks a table of the database postgres until unlock is called.
func lock(t *testing.T, p *postgrestest.Postgres, table string) (unlock func()) {
	t.Helper()
	const locks = `pg_locks WHERE relation = '%[1]s'::regclass AND mode = 'AccessExclusiveLock' AND granted`
	ended := make(chan struct{})
	go func() { // until the server ends it
		defer close(ended)
		_ = p.Exec(t.Context(), "postgres", fmt.Sprintf(`BEGIN; LOCK TABLE %s; SELECT pg_sleep(3600)`, table))
	}()
	require.Eventually(t, func() bool {
		assert := fmt.Sprintf(`DO $$ BEGIN ASSERT EXISTS (SELECT FROM `+locks+`); END $$`, table)
		return p.Exec(t.Context(), "postgres", assert) == nil
	}, time.Minute, 10*time.Millisecond)
	return func() {
		end := fmt.Sprintf(`SELECT pg_terminate_backend(pid, 60000) FROM `+locks, table)
		require.NoError(t, p.Exec(t.Context(), "postgres", end))
		<-ended
	}
}

// TestPostgresThatHangsHoldsUpNoWriteAndNoSeal has packets wait for a PostgreSQL that
// hangs while the config is written, and while Vault is sealed: a second for each.
func TestPostgresThatHangsHoldsUpNoWriteAndNoSeal(t *testing.T) {
	t.Parallel()
	v := startPlugin(t)
	p := startPostgres(t)
	v.write("auth/radius/config", map[string]any{"extauth": "local"})
	v.run(t, "write of the config", func(t *testing.T) {
		took := v.whilePostgresHangs(t, p, func() { v.write(freeRADIUSPath+"config", map[string]any{"store": "vault"}) })
		require.Less(t, took, 3*time.Second, "three times as long as on an idle machine")
	})
	v.run(t, "seal", func(t *testing.T) { // the last: the Vault serves no other test after it
		took := v.whilePostgresHangs(t, p, func() { require.NoError(t, v.Client.Sys().Seal()) })
		require.Less(t, took, 4*time.Second)
	})
}

// whilePostgresHangs has packets wait for a PostgreSQL that hangs, and returns how long do takes then.
func (v *vaultServer) whilePostgresHangs(t *testing.T, p *postgrestest.Postgres, do func()) (took time.Duration) {
	t.Helper()
	v.write(freeRADIUSPath+"config", map[string]any{"store": "postgres", "connection_url": p.URL("postgres")})
	thaw, err := p.Freeze()
	require.NoError(t, err)
	defer func() { require.NoError(t, thaw()) }()
	ctx, cancel := context.WithCancel(t.Context())
	var packets sync.WaitGroup
	defer packets.Wait()
	defer cancel()
	for n := range 24 {
		packets.Go(func() { // what becomes of them does not matter
			_, _ = v.Client.Logical().WriteWithContext(ctx, freeRADIUSPath+"accounting",
				map[string]any{"status_type": "Start", "session_id": fmt.Sprint(n), "username": "bob", "nas_ip_address": "192.0.2.1"})
		})
	}
	<-time.After(300 * time.Millisecond) // they are under way
	began := time.Now()
	do()
	took = time.Since(began)
	t.Logf("it took %s", took)
	return took
}
