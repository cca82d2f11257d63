package main

import (
	"crypto/hmac"
	"crypto/md5"
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2869"
)

func TestStubAcceptsTheLoginsOfBothClients(t *testing.T) {
	t.Parallel()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- serve(conn) }()

	address := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	for _, name := range clientNames {
		login, err := newLogin(name, address)
		require.NoError(t, err)
		sends, err := login(t.Context(), "bob")
		require.NoError(t, err, name)
		require.Equal(t, 1, sends, name)
	}
	require.NoError(t, conn.Close())
	require.NoError(t, <-served)
}

func TestAnUnknownClientIsRefused(t *testing.T) {
	t.Parallel()
	_, err := newLogin("freeradius", netip.AddrPort{})
	require.Error(t, err)
}

func TestAnswersAreSignedAccessAccepts(t *testing.T) {
	t.Parallel()
	accept := newAccepter(secret)
	answer := make([]byte, answerLen)
	for range 2 { // the second shows that nothing is left of the first
		packet := radius.New(radius.CodeAccessRequest, []byte(secret))
		require.NoError(t, rfc2865.UserName_SetString(packet, "bob"))
		request, err := packet.Encode()
		require.NoError(t, err)

		require.True(t, accept.answer(answer, request))
		require.True(t, radius.IsAuthenticResponse(answer, request, []byte(secret)))
		received, err := radius.Parse(answer, []byte(secret))
		require.NoError(t, err)
		require.Equal(t, radius.CodeAccessAccept, received.Code)
		require.Equal(t, packet.Identifier, received.Identifier)
		require.Len(t, received.Attributes, 1)

		// RFC 3579 section 3.2: HMAC-MD5 over the answer with the request's
		// authenticator, and zeros for the value.
		blank := &radius.Packet{Code: received.Code, Identifier: received.Identifier, Authenticator: packet.Authenticator}
		blank.Add(rfc2869.MessageAuthenticator_Type, make([]byte, md5.Size))
		signed, err := blank.MarshalBinary()
		require.NoError(t, err)
		sum := hmac.New(md5.New, []byte(secret))
		sum.Write(signed)
		require.Equal(t, sum.Sum(nil), []byte(received.Get(rfc2869.MessageAuthenticator_Type)))
	}
}

func TestOnlyAccessRequestsAreAnswered(t *testing.T) {
	t.Parallel()
	accept := newAccepter(secret)
	answer := make([]byte, answerLen)
	require.False(t, accept.answer(answer, make([]byte, headerLen-1)))
	accounting := make([]byte, headerLen)
	accounting[0] = byte(radius.CodeAccountingRequest)
	require.False(t, accept.answer(answer, accounting))
}
