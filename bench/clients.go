package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"

	"vault-plugin-auth-radius/internal/radclient"
)

const (
	ours = "radclient"
	peer = "layeh"
)

// clientNames are those compared, ours first.
var clientNames = []string{ours, peer}

const (
	secret   = "a-shared-secret"
	password = "correct-horse-battery"

	// The defaults of Vault's built-in method.
	nasPort     = 10
	dialTimeout = 10 * time.Second
	readTimeout = 10 * time.Second
)

// login makes one exchange. sends counts the copies of the request that went
// out; anything but an Access-Accept is an error.
type login func(ctx context.Context, username string) (sends int, err error)

// newLogin prepares a client of that name for the server.
func newLogin(name string, server netip.AddrPort) (login, error) {
	switch name {
	case ours:
		return newOurs(server)
	case peer:
		return newPeer(server), nil
	default:
		return nil, fmt.Errorf("no client is called %q", name)
	}
}

// newOurs returns this plugin's client. Its requests carry a
// Message-Authenticator, NAS-Identifier and NAS-Port-Type more than the peer's.
func newOurs(server netip.AddrPort) (login, error) {
	client, err := radclient.New(radclient.Config{
		Servers:     []radclient.Server{{Host: server.Addr().String(), Port: int(server.Port()), Secret: radclient.NewSecret(secret)}},
		DialTimeout: dialTimeout,
		ReadTimeout: readTimeout,
		NAS:         radclient.NAS{Port: nasPort},
	})
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, username string) (int, error) {
		verdict, err := client.Authenticate(ctx, radclient.Credentials{Username: username, Password: password})
		var silence *radclient.NoAnswerError
		switch {
		case errors.As(err, &silence):
			return silence.Sends, err
		case err == nil && verdict.Outcome != radclient.Accept:
			err = fmt.Errorf("%s instead of Access-Accept", verdict.Outcome)
		}
		return verdict.Sends, err
	}, nil
}

// newPeer returns layeh.com/radius with the attributes and settings of Vault's
// built-in method, which prepares a client for each login.
func newPeer(server netip.AddrPort) login {
	address := net.JoinHostPort(server.Addr().String(), strconv.Itoa(int(server.Port())))
	return func(ctx context.Context, username string) (int, error) {
		packet := radius.New(radius.CodeAccessRequest, []byte(secret))
		if err := rfc2865.UserName_SetString(packet, username); err != nil {
			return 0, err
		}
		if err := rfc2865.UserPassword_SetString(packet, password); err != nil {
			return 0, err
		}
		if err := rfc2865.NASPort_Set(packet, nasPort); err != nil {
			return 0, err
		}
		client := radius.Client{Dialer: net.Dialer{Timeout: dialTimeout}}
		bounded, cancel := context.WithTimeout(ctx, readTimeout)
		defer cancel()
		answer, err := client.Exchange(bounded, packet, address)
		if err == nil && answer.Code != radius.CodeAccessAccept {
			err = fmt.Errorf("%s instead of Access-Accept", answer.Code)
		}
		return 1, err
	}
}
