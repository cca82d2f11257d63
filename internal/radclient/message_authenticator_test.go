package radclient

import (
	"context"
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"

	"vault-plugin-auth-radius/internal/radiustest"
)

// switchable answers as a server whose signatures can be taken away, as an attacker
// between it and the client does.
type switchable struct{ unsigned bool }

func (s *switchable) handler(answer func(*radiustest.Request) radiustest.Answer) radiustest.Handler {
	return func(r *radiustest.Request) []radiustest.Answer {
		if s.unsigned {
			return []radiustest.Answer{answer(r).WithoutMessageAuthenticator()}
		}
		return []radiustest.Answer{answer(r)}
	}
}

func acceptAnswer(r *radiustest.Request) radiustest.Answer { return r.Accept() }

// behindNames has a client find addresses under names.
func behindNames(names map[string][]netip.Addr) func(*Config) {
	return func(c *Config) {
		c.Lookup = func(_ context.Context, host string) ([]netip.Addr, error) { return names[host], nil }
		c.ReadTimeout = 2 * time.Second
		c.StatusCheck = StatusCheckOff
	}
}

// requireUnsignedDropped logs in where an answer has to be signed and is not.
func requireUnsignedDropped(t *testing.T, client *Client, credentials Credentials, message string) {
	t.Helper()
	_, err := client.Authenticate(t.Context(), credentials)
	var noAnswer *NoAnswerError
	require.ErrorAs(t, err, &noAnswer, message)
	require.Positive(t, noAnswer.Drops[DropUnsigned], message)
}

func TestOneOfSeveralServersBehindANameMaySign(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		signs, never := &switchable{}, &switchable{unsigned: true}
		startAt(t, network, firstAddress, signs.handler(acceptAnswer))
		startAt(t, network, secondAddress, never.handler(acceptAnswer))
		client := newClientAt(t, network, func(c *Config) {
			behindNames(map[string][]netip.Addr{"pool.example.com": {firstAddress.Addr(), secondAddress.Addr()}})(c)
			c.Servers[0].Host, c.Strategy = "pool.example.com", RoundRobin
		})
		servers := map[string]int{}
		for range 20 {
			verdict, err := client.Authenticate(t.Context(), bob)
			require.NoError(t, err)
			servers[verdict.Server]++
		}
		require.Equal(t, map[string]int{firstAddress.String(): 10, secondAddress.String(): 10}, servers)

		signs.unsigned = true
		unsigned := 0
		for range 4 {
			if _, err := client.Authenticate(t.Context(), bob); err != nil {
				unsigned++
			}
		}
		require.Equal(t, 2, unsigned, "the one that has signed must go on")
	})
}

func TestAddressThatReturnsHasToGoOnSigning(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		first, second := &switchable{}, &switchable{unsigned: true}
		startAt(t, network, firstAddress, first.handler(acceptAnswer))
		startAt(t, network, secondAddress, second.handler(acceptAnswer))
		names := map[string][]netip.Addr{"radius.example.com": {firstAddress.Addr()}}
		client := newClientAt(t, network, func(c *Config) {
			behindNames(names)(c)
			c.Servers[0].Host = "radius.example.com"
		})
		moveTo := func(address netip.AddrPort) {
			names["radius.example.com"] = []netip.Addr{address.Addr()}
			time.Sleep(lookupLife)
		}
		_, err := client.Authenticate(t.Context(), bob)
		require.NoError(t, err)
		for range 3 {
			moveTo(secondAddress)
			verdict, err := client.Authenticate(t.Context(), bob)
			require.NoError(t, err, "this one has never signed")
			require.Equal(t, secondAddress.String(), verdict.Server)

			moveTo(firstAddress)
			first.unsigned = true
			requireUnsignedDropped(t, client, bob, "it has signed before")
			first.unsigned = false
			time.Sleep(time.Hour) // its endpoint is another one after silence
		}
	})
}

func TestAddressThatHasSignedHasToGoOnWhereverTheNameLeads(t *testing.T) {
	inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
		server := &switchable{}
		startAt(t, network, firstAddress, server.handler(func(r *radiustest.Request) radiustest.Answer {
			if r.State() == nil {
				return r.Challenge([]byte("state"), "Code?")
			}
			return r.Accept()
		}))
		names := map[string][]netip.Addr{"radius.example.com": {firstAddress.Addr()}}
		client := newClientAt(t, network, func(c *Config) {
			behindNames(names)(c)
			c.Servers[0].Host = "radius.example.com"
		})
		verdict, err := client.Authenticate(t.Context(), bob)
		require.NoError(t, err)
		answer := Credentials{
			Username: "bob", Password: "123456",
			Answers: &Challenged{Host: verdict.Host, Server: verdict.Server, State: []byte("state")},
		}

		names["radius.example.com"] = []netip.Addr{secondAddress.Addr()}
		time.Sleep(lookupLife)
		_, err = client.candidates(t.Context(), bob)
		require.NoError(t, err)
		verdict, err = client.Authenticate(t.Context(), answer) // the first accept that it signs
		require.NoError(t, err)
		require.Equal(t, firstAddress.String(), verdict.Server)

		server.unsigned = true
		requireUnsignedDropped(t, client, answer, "an endpoint for one login is no reason to forget")
		names["radius.example.com"] = []netip.Addr{firstAddress.Addr()}
		time.Sleep(lookupLife)
		requireUnsignedDropped(t, client, bob, "challenges were signed before the name moved")
	})
}

func TestAddressWithTwoNamesIsOneThatSigns(t *testing.T) {
	mapped := netip.AddrFrom16(firstAddress.Addr().As16()).String()
	for name, hosts := range map[string][2]string{
		"two names":           {"radius.example.com", "radius.example.net"},
		"a name, an address":  {"radius.example.com", firstAddress.Addr().String()},
		"IPv4 within IPv6":    {firstAddress.Addr().String(), mapped},
		"IPv6 before a name":  {mapped, "radius.example.net"},
		"twice the same name": {"radius.example.com", "radius.example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, radiustest.NetworkOptions{}, func(t *testing.T, network *radiustest.Network) {
				server := &switchable{}
				startAt(t, network, firstAddress, server.handler(acceptAnswer))
				client := newPairClient(t, network, func(c *Config) {
					behindNames(map[string][]netip.Addr{
						"radius.example.com": {firstAddress.Addr()},
						"radius.example.net": {firstAddress.Addr()},
					})(c)
					c.Strategy = RoundRobin
					c.Servers[0].Host, c.Servers[1].Host = hosts[0], hosts[1]
					c.Servers[1].Port = c.Servers[0].Port
				})
				_, err := client.Authenticate(t.Context(), bob)
				require.NoError(t, err)
				server.unsigned = true
				requireUnsignedDropped(t, client, bob, "under the other name")
				requireUnsignedDropped(t, client, bob, "under the first name")
			})
		})
	}
}

func TestMemoryOfSignedAnswersIsBoundedAndForgetsNone(t *testing.T) {
	t.Parallel()
	var signed signedAnswers
	address := func(i int) netip.AddrPort {
		var octets [4]byte
		binary.BigEndian.PutUint32(octets[:], uint32(i))
		return netip.AddrPortFrom(netip.AddrFrom4(octets), 1812)
	}
	require.False(t, signed.demanded(address(0), radius.CodeAccessAccept))
	for i := range 2 * maxSignedAnswers {
		require.Equal(t, i >= maxSignedAnswers, signed.demanded(address(i), radius.CodeAccessAccept), i)
		signed.learn(address(i), radius.CodeAccessAccept)
	}
	require.Len(t, signed.codes, maxSignedAnswers)
	require.True(t, signed.demanded(address(0), radius.CodeAccessAccept))
	require.True(t, signed.demanded(address(0), radius.CodeAccessReject), "there is no room to learn it")
}
