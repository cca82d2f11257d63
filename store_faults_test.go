package radiusauth

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/acct"
)

// faultsAndLog are storeFaults, and the lines that they have logged.
func faultsAndLog() (fail func(use string, err error), work func(use string), lines func() []string) {
	var log bytes.Buffer
	logger := hclog.New(&hclog.LoggerOptions{Output: &log, DisableTime: true})
	faults := &storeFaults{}
	lines = func() []string {
		text := strings.TrimSpace(log.String())
		log.Reset()
		if text == "" {
			return nil
		}
		return strings.Split(text, "\n")
	}
	return func(use string, err error) { faults.failed(logger, use, err) }, func(use string) { faults.worked(logger, use) }, lines
}

var (
	errDenied  = &acct.PrivilegeError{Server: "a:1,b:2/radius", User: "bob", Err: &pgconn.PgError{Code: "42501"}}
	errRefused = &acct.CredentialsError{Server: "a:1,b:2/radius", User: "bob"}
)

func TestFaultOfTheStoreIsLoggedWhenItBeginsEachMinuteAndWhenItEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fail, work, lines := faultsAndLog()
		work(usedForAccounting)
		require.Empty(t, lines())
		for range 600 { // two minutes
			fail(usedForAccounting, errDenied)
			time.Sleep(200 * time.Millisecond)
		}
		told := lines()
		require.Len(t, told, 2)
		require.Contains(t, told[0], "[ERROR]")
		require.Contains(t, told[0], "use=accounting fault=privileges failed=1 ")
		require.Contains(t, told[0], "a:1,b:2/radius")
		require.Contains(t, told[1], "failed=300 ")
		work(usedForPostAuth)
		require.Empty(t, lines(), "it has not ended for accounting")
		work(usedForAccounting)
		work(usedForAccounting)
		told = lines()
		require.Len(t, told, 1)
		require.Contains(t, told[0], "works again: use=accounting fault=privileges failed=600 lasted=2m0s")
	})
}

func TestFaultsOfTheStoreAreToldApart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fail, work, lines := faultsAndLog()
		for range 10 {
			fail(usedForAccounting, errDenied)
			fail(usedForAccounting, errRefused)
			fail(usedForPostAuth, errDenied)
			fail(usedForAccounting, errors.New("something"))
			fail(usedForAccounting, fmt.Errorf("client: %w", context.Canceled))
		}
		require.Len(t, lines(), 4)
		work(usedForAccounting)
		require.Len(t, lines(), 3)
	})
}

func TestFaultOfTheStoreThatComesAndGoesDoesNotFloodTheLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fail, work, lines := faultsAndLog()
		for range 600 { // a minute
			fail(usedForAccounting, errDenied)
			work(usedForAccounting)
			time.Sleep(100 * time.Millisecond)
		}
		told := lines()
		require.Len(t, told, 12)
		require.Contains(t, told[2], "failed=100 ", "none is left out")
	})
}

// TestStoreThatIsAwayIsLoggedOnce has a connection_url with two hosts, where nothing
// listens.
func TestStoreThatIsAwayIsLoggedOnce(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	b.store(freeradiusConfigKey, `{"store": "postgres", "connection_url_is_complete": true, "connection_url": "postgres://bob:s3cret@127.0.0.1:1,127.0.0.1:2/radius?sslmode=disable"}`)
	for range 20 {
		code, _ := b.asFreeRADIUS("accounting", accountingPacket("Start", nil))
		require.Equal(t, http.StatusServiceUnavailable, code)
		code, _ = b.asFreeRADIUS("postauth", map[string]any{"username": "bob", "reply": "Access-Reject"})
		require.Equal(t, http.StatusNoContent, code)
	}
	log := b.log.String()
	require.Equal(t, 1, strings.Count(log, "the store of sessions fails: use=accounting fault=away failed=1 "))
	require.Equal(t, 1, strings.Count(log, "the store of sessions fails: use=postauth fault=away failed=1 "))
	require.Contains(t, log, "127.0.0.1:1,127.0.0.1:2/radius")
	require.NotContains(t, log, "s3cret")
	b.ok(logical.UpdateOperation, "freeradius/config", map[string]any{"store": "vault"})
	code, _ := b.asFreeRADIUS("accounting", accountingPacket("Start", nil))
	require.Equal(t, http.StatusCreated, code)
	require.Equal(t, 1, strings.Count(b.log.String(), "the store of sessions works again: use=accounting fault=away failed=20 "))
}
