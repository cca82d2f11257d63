package directory

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/directorytest"
	"vault-plugin-auth-radius/internal/fairshare"
)

// countedConn counts itself while it is open.
type countedConn struct {
	net.Conn
	open *atomic.Int64
	once sync.Once
}

func (c *countedConn) Close() error {
	c.once.Do(func() { c.open.Add(-1) })
	return c.Conn.Close()
}

// flooded is a client of a silent server, for which as many logins of one address wait as
// may, and how many connections there are.
func flooded(t *testing.T, change func(*Config)) (*Client, *atomic.Int64, *sync.WaitGroup) {
	var open atomic.Int64
	client := newClient(t, func(c *Config) {
		c.Dial = func(ctx context.Context, address string) (net.Conn, error) {
			conn, err := silent(ctx, address)
			open.Add(1)
			return &countedConn{Conn: conn, open: &open}, err
		}
		if change != nil {
			change(c)
		}
	}, 389)
	var logins sync.WaitGroup
	for number := range maxWaiting {
		logins.Go(func() {
			_, err := client.Authenticate(t.Context(), fromAddress("192.0.2.1", fmt.Sprintf("user-%d", number)))
			if err == nil {
				t.Error("a silent server accepts nobody")
			}
		})
	}
	synctest.Wait()
	return client, &open, &logins
}

func fromAddress(address, name string) Credentials {
	return Credentials{Username: name, Password: password, Share: fairshare.NewShare(address, name)}
}

func TestFloodOfLoginsMakesBoundedConnectionsToASilentDirectory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, open, logins := flooded(t, nil)
		require.EqualValues(t, maxWaiting, open.Load())
		began := time.Now()
		_, err := client.Authenticate(t.Context(), fromAddress("192.0.2.1", "user-1"))
		var full *FullError
		require.ErrorAs(t, err, &full, "who has no better claim is refused")
		require.ErrorContains(t, err, "too many logins wait for the directory 127.0.0.1:389 (512)")
		require.Zero(t, time.Since(began), "at once")
		require.Equal(t, Alive, client.Stats()[0].State, "that says nothing of the server")
		require.EqualValues(t, 1, client.Stats()[0].Full)

		var others sync.WaitGroup
		for number := range 100 {
			others.Go(func() {
				_, err := client.Authenticate(t.Context(), fromAddress("192.0.2.2", fmt.Sprintf("other-%d", number)))
				var unavailable *UnavailableError
				if !errors.As(err, &unavailable) {
					t.Errorf("it has a place: %v", err)
				}
			})
		}
		synctest.Wait()
		require.EqualValues(t, maxWaiting, open.Load(), "as many were pushed out")
		require.EqualValues(t, 1+100, client.Stats()[0].Full)
		logins.Wait()
		others.Wait()
		synctest.Wait()
		require.Zero(t, open.Load())
		require.Equal(t, Dead, client.Stats()[0].State)
	})
}

func TestLoginGoesOnToAnotherServerIfTooManyWaitForTheFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var dials atomic.Int64
		client, _, logins := flooded(t, func(c *Config) {
			first := c.Dial
			c.Servers = append(c.Servers, Server{"127.0.0.2", 389})
			c.Dial = func(ctx context.Context, address string) (net.Conn, error) {
				if address == "127.0.0.1:389" {
					return first(ctx, address)
				}
				dials.Add(1)
				return nil, errors.New("connection refused")
			}
		})
		require.Zero(t, dials.Load())
		_, err := client.Authenticate(t.Context(), fromAddress("192.0.2.1", "user-1"))
		var unavailable *UnavailableError
		require.ErrorAs(t, err, &unavailable)
		require.EqualValues(t, 1, dials.Load())
		logins.Wait()
	})
}

func TestPlacesAreGivenBack(t *testing.T) {
	t.Parallel()
	s := scripted(t, knowsAlice)
	client := newClient(t, nil, s.Port())
	var logins sync.WaitGroup
	for range 4 {
		logins.Go(func() {
			for range maxWaiting / 3 {
				if verdict, err := client.Authenticate(t.Context(), alice); err != nil || !verdict.Accepted {
					t.Errorf("%v %v", verdict, err)
					return
				}
			}
		})
	}
	logins.Wait()
	made, _ := s.Connections()
	require.LessOrEqual(t, made, 4)
	require.Equal(t, directorytest.PersonDN("alice"), s.Requests()[0].DN)
}
