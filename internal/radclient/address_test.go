package radclient

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/radiustest"
)

func TestServerOnIPv6IsAsked(t *testing.T) {
	t.Parallel()
	server := start(t, radiustest.Options{Address: "[::1]:0", Handler: accept})
	require.Equal(t, "::1", server.Host())
	verdict, err := newClient(t, server, nil).Authenticate(t.Context(), bob)
	require.NoError(t, err)
	require.Equal(t, Accept, verdict.Outcome)
}

func TestAddressWhereNothingListensIsPassedOver(t *testing.T) {
	t.Parallel()
	server := start(t, radiustest.Options{Handler: accept})
	client := newClient(t, server, func(c *Config) {
		c.Servers[0].Host = "localhost"
		c.Lookup = func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr("::1"), server.Addr().Addr()}, nil
		}
	})
	verdict, err := client.Authenticate(t.Context(), bob)
	require.NoError(t, err)
	require.Equal(t, server.Addr().String(), verdict.Server)
}

func TestSilentAddressIsNotLeftForAnother(t *testing.T) {
	t.Parallel()
	silent := start(t, radiustest.Options{Address: "127.0.0.1:0"})
	other := start(t, radiustest.Options{Address: fmt.Sprintf("127.0.0.2:%d", silent.Port()), Handler: accept})
	client := newClient(t, silent, func(c *Config) {
		c.Servers[0].Host = "radius.example.com"
		c.ReadTimeout = 200 * time.Millisecond
		c.Lookup = func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{silent.Addr().Addr(), other.Addr().Addr()}, nil
		}
	})
	_, err := client.Authenticate(t.Context(), bob)
	var noAnswer *NoAnswerError
	require.ErrorAs(t, err, &noAnswer)
	require.Empty(t, other.Requests(), "silence may be a person who looks for a phone")
}

func TestServerThatDiesOverTheLoginIsLeftForAnotherAddress(t *testing.T) {
	t.Parallel()
	dying, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	address := dying.LocalAddr().(*net.UDPAddr).AddrPort()
	other := start(t, radiustest.Options{Address: fmt.Sprintf("127.0.0.2:%d", address.Port()), Handler: accept})
	client := newClient(t, other, func(c *Config) {
		c.Servers[0].Host = "radius.example.com"
		c.Lookup = func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr("::ffff:127.0.0.1"), other.Addr().Addr()}, nil
		}
	})
	verdicts := make(chan Verdict, 1)
	go func() {
		verdict, err := client.Authenticate(t.Context(), bob)
		if err != nil {
			t.Error(err)
		}
		verdicts <- verdict
	}()
	_, err = dying.Read(make([]byte, 4096)) // has the first copy; the second is refused
	require.NoError(t, err)
	require.NoError(t, dying.Close())
	require.Equal(t, other.Addr().String(), (<-verdicts).Server)
}

func TestServerThatRestartsDuringTheLoginIsReached(t *testing.T) {
	t.Parallel()
	dying, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	address := dying.LocalAddr().(*net.UDPAddr).AddrPort()
	client, err := New(Config{
		Servers:     []Server{{Host: "127.0.0.1", Port: int(address.Port()), Secret: NewSecret(testSecret)}},
		ReadTimeout: 10 * time.Second,
	})
	require.NoError(t, err)

	verdicts := make(chan Verdict, 1)
	go func() {
		verdict, err := client.Authenticate(t.Context(), bob)
		if err != nil {
			t.Error(err)
		}
		verdicts <- verdict
	}()
	_, err = dying.Read(make([]byte, 4096)) // has the first copy, and dies of it
	require.NoError(t, err)
	require.NoError(t, dying.Close())
	start(t, radiustest.Options{Address: address.String(), Handler: accept})
	verdict := <-verdicts
	require.Equal(t, Accept, verdict.Outcome)
	require.Greater(t, verdict.Sends, 1)
}

func TestPortWhereNothingListensIsSaidSoInTheEnd(t *testing.T) {
	t.Parallel()
	gone := start(t, radiustest.Options{})
	client := newClient(t, gone, func(c *Config) { c.ReadTimeout = 200 * time.Millisecond })
	require.NoError(t, gone.Close())
	begin := time.Now()
	_, err := client.Authenticate(t.Context(), bob)
	require.ErrorContains(t, err, "nothing listens on that port")
	require.GreaterOrEqual(t, time.Since(begin), 200*time.Millisecond, "the server may be starting")
	var noAnswer *NoAnswerError
	require.ErrorAs(t, err, &noAnswer)
	require.Equal(t, 2, noAnswer.Sends)
}

func TestHostThatCannotBeLookedUpIsNamed(t *testing.T) {
	t.Parallel()
	server := start(t, radiustest.Options{Handler: accept})
	cause := errors.New("no such host")
	tests := map[string]func(context.Context, string) ([]netip.Addr, error){
		"failure":    func(context.Context, string) ([]netip.Addr, error) { return nil, cause },
		"no address": func(context.Context, string) ([]netip.Addr, error) { return nil, nil },
		"too slow": func(ctx context.Context, _ string) ([]netip.Addr, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		},
	}
	for name, lookup := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := newClient(t, server, func(c *Config) {
				c.Servers[0].Host = "radius.example.com"
				c.DialTimeout = 50 * time.Millisecond
				c.Lookup = lookup
			})
			_, err := client.Authenticate(t.Context(), bob)
			var unreachable *UnreachableError
			require.ErrorAs(t, err, &unreachable)
			require.ErrorContains(t, err, "radius.example.com port")
		})
	}
}
