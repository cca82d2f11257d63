package radclient

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/radiustest"
)

func TestNoLoginIsLostWhenATenthOfThePacketsIs(t *testing.T) {
	t.Parallel()
	const logins, parallel = 200, 32
	users := radiustest.Users{}
	for i := range logins {
		users[fmt.Sprintf("user-%d", i)] = radiustest.User{Password: "p"}
	}
	server := start(t, radiustest.Options{
		Handler: users.Handler(),
		Loss:    radiustest.Loss{Rate: 0.1, Seed: 1},
	})
	client := newClient(t, server, func(c *Config) { c.ReadTimeout = 10 * time.Second })

	names := make(chan string)
	var workers sync.WaitGroup
	for range parallel {
		workers.Go(func() {
			for name := range names {
				verdict, err := client.Authenticate(t.Context(), Credentials{Username: name, Password: "p"})
				if err != nil || verdict.Outcome != Accept {
					t.Errorf("%s: %s, %v", name, verdict.Outcome, err)
				}
			}
		})
	}
	for name := range users {
		names <- name
	}
	close(names)
	workers.Wait()
	require.Greater(t, len(server.Requests()), logins, "some packets must have been lost and sent again")
}
