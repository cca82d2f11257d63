package e2e

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2869"
	"layeh.com/radius/rfc3162"

	"vault-plugin-auth-radius/internal/longtest"
)

// templateAttribute is an attribute of the templates of docs/freeradius/rest.
type templateAttribute struct {
	radius.Type
	length int // of its values; 0: that of a text, from 1 to 253 octets
}

var (
	authorizeAttributes = []templateAttribute{
		{4, 4}, {95, 16}, {6, 4}, {61, 4}, // addresses and numbers
		{30, 0}, {31, 0}, {32, 0}, // Called- and Calling-Station-Id, NAS-Identifier
	}
	accountingAttributes = []templateAttribute{
		{44, 0},          // Acct-Session-Id
		{41, 4}, {55, 4}, // Acct-Delay-Time, Event-Timestamp
		{4, 4}, {95, 16}, // NAS-IP-Address, NAS-IPv6-Address
		{5, 4}, {61, 4}, {6, 4}, {7, 4}, {45, 4}, {49, 4}, // NAS-Port and what dictionaries name
		{42, 4}, {43, 4}, {46, 4}, {52, 4}, {53, 4}, // counters
		{8, 4}, {96, 8}, {97, 18}, {123, 18}, {168, 16}, // addresses of the user
		{32, 0}, {87, 0}, {30, 0}, {31, 0}, {77, 0}, {25, 0}, // texts, and Class
	}
)

// maxPacket is the length of the longest RADIUS packet.
const maxPacket = 4096

// octets makes the values of a packet, always the same ones for a seed.
type octets struct{ *rand.Rand }

func octetsOf(seed uint64) octets { return octets{rand.New(rand.NewPCG(seed, 0))} }

// meant are what means something to a program on the way.
var meant = []string{
	"%{User-Password}", "%{echo:/usr/bin/id}", "%25", "%", "%%", "\\", "\\\\", "\\316", `"`, "'", "`", "&username=bob", "+", "=", "{", "}",
	"0x4142", "&User-Password", "\x00", "\n", "\r\n", "\t", "\x1b[0m", "\x7f", "\xff", "\xed\xa0\x80", "\xce\xd2\xb5\xc4", "ä", "€", "\u202e", "${x}", "$ENV{HOME}",
}

// value returns up to so many octets of any kind.
func (o octets) value(longest int) []byte {
	length := 1 + o.IntN(longest)
	var value []byte
	for len(value) < length {
		if o.IntN(4) == 0 {
			value = append(value, meant[o.IntN(len(meant))]...)
		} else {
			value = append(value, byte(o.Uint32()))
		}
	}
	return value[:length]
}

// add adds the attributes, as far as they have room; some of the wrong length.
func (o octets) add(packet *radius.Packet, attributes []templateAttribute) {
	left := maxPacket - 20
	for _, attribute := range packet.Attributes {
		left -= 2 + len(attribute.Attribute)
	}
	for _, attribute := range attributes {
		value := o.value(253)
		if attribute.length > 0 && o.IntN(4) > 0 {
			value = make([]byte, attribute.length)
			for i := range value {
				value[i] = byte(o.Uint32())
			}
		}
		if left -= 2 + len(value); left >= 0 {
			packet.Add(attribute.Type, value)
		}
	}
}

// TestEveryPacketIsAnsweredWhateverItsOctets sends what is no text in all that a packet can
// hold, and what would mean something to FreeRADIUS, to a shell, to a form or to JSON.
func TestEveryPacketIsAnsweredWhateverItsOctets(t *testing.T) {
	t.Parallel()
	v := startPlugin(t)
	v.write("auth/radius/config", map[string]any{"extauth": "local", "password_hash_cost": 1})
	v.write("auth/radius/users/bob", map[string]any{"password": "bob-password"})
	f := startFrontend(t, v)

	group, ctx := errgroup.WithContext(t.Context())
	group.SetLimit(8)
	for seed := range uint64(longtest.Choose(50, 700)) {
		o := octetsOf(seed)
		stranger := radius.New(radius.CodeAccessRequest, []byte(frontendSecret))
		require.NoError(t, rfc2865.UserName_Set(stranger, o.value(253)))
		require.NoError(t, rfc2865.UserPassword_Set(stranger, o.value(128)))
		o.add(stranger, authorizeAttributes)

		bob := radius.New(radius.CodeAccessRequest, []byte(frontendSecret))
		require.NoError(t, rfc2865.UserName_SetString(bob, "bob"))
		require.NoError(t, rfc2865.UserPassword_SetString(bob, "bob-password"))
		o.add(bob, authorizeAttributes)

		session := radius.New(radius.CodeAccountingRequest, []byte(frontendSecret))
		status := []rfc2866.AcctStatusType{1, 2, 3, 7, 8}[o.IntN(5)]
		require.NoError(t, rfc2866.AcctStatusType_Set(session, status))
		require.NoError(t, rfc2865.UserName_Set(session, o.value(253)))
		o.add(session, accountingAttributes)

		for packet, want := range map[*radius.Packet]radius.Code{
			stranger: radius.CodeAccessReject, bob: radius.CodeAccessAccept, session: radius.CodeAccountingResponse,
		} {
			group.Go(func() error {
				if ctx.Err() != nil {
					return nil // one is enough, and each takes its time
				}
				answer, err := f.exchange(packet)
				if code := codeOf(answer); err == nil && code != want {
					err = fmt.Errorf("seed %d: %v in place of %v", seed, code, want)
				}
				return err
			})
		}
	}
	require.NoError(t, group.Wait())
	require.NotContains(t, f.Log(), "uid=", "nothing was run")
}

// TestTemplatesBringAttributesWhole asks over IPv6, as a NAS does that has no other
// address, with texts of all lengths that are longer than a body may be at once.
func TestTemplatesBringAttributesWhole(t *testing.T) {
	t.Parallel()
	vault := startScriptedVault(t)
	f := startFrontendAt(t, vault.URL, "token")
	f.host = "::1"

	login := loginPacket("200")
	station, identifier := string(octetsOf(1).value(253)), "B\xfcro\x00"
	require.NoError(t, rfc2865.CalledStationID_SetString(login, station))
	require.NoError(t, rfc2865.NASIdentifier_SetString(login, identifier))
	f.requireAnswer(login, radius.CodeAccessAccept)
	form := vault.form("authorize")
	require.Equal(t, hexOf("200"), form.Get("username_hex"))
	require.Equal(t, hexOf("the-password"), form.Get("password_hex"))
	require.Equal(t, hexOf(station), form.Get("called_station_id_hex"))
	require.Equal(t, hexOf(identifier), form.Get("nas_identifier_hex"))
	require.Empty(t, form.Get("nas_ip_address"))
	require.Equal(t, "::1", form.Get("nas_ipv6_address"))
	require.Equal(t, hexOf(station), vault.form("postauth").Get("called_station_id_hex"))

	for _, text := range []string{"0x626f62", "0x", "0xzz", "0x626", "&User-Password", " a ", "\x00\x00a", strings.Repeat("\xff", 128)} {
		login := radius.New(radius.CodeAccessRequest, []byte(frontendSecret))
		require.NoError(t, rfc2865.UserName_SetString(login, text))
		require.NoError(t, rfc2865.UserPassword_SetString(login, text))
		f.requireAnswer(login, radius.CodeAccessReject)
		require.Equal(t, hexOf(text), vault.form("authorize").Get("username_hex"))
		require.Equal(t, hexOf(text), vault.form("authorize").Get("password_hex"))
	}

	for address, attribute := range map[string]radius.Attribute{
		"::1": nil, "2001:db8::9": radius.Attribute(net.ParseIP("2001:db8::9")), "192.0.2.9": radius.Attribute(net.IPv4(192, 0, 2, 9).To4()),
	} {
		session := startPacket("200")
		switch len(attribute) {
		case net.IPv4len:
			session.Set(rfc2865.NASIPAddress_Type, attribute)
		case net.IPv6len:
			session.Set(rfc3162.NASIPv6Address_Type, attribute)
		}
		f.requireAnswer(session, radius.CodeAccountingResponse)
		require.Equal(t, address, vault.form("accounting").Get("nas_ip_address"))
	}

	session := startPacket("200")
	texts := map[string]radius.Type{
		"session_id": 44, "nas_identifier": 32, "nas_port_id": 87, "called_station_id": 30, "calling_station_id": 31, "connect_info": 77,
	}
	values := map[string]string{}
	for field, attribute := range texts {
		values[field] = string(octetsOf(uint64(attribute)).value(253)) + strings.Repeat("\xff", 253)
		values[field] = values[field][:253]
		session.Set(attribute, radius.Attribute(values[field]))
	}
	class := strings.Repeat("\x00\xff", 126) + "c"
	require.NoError(t, rfc2865.Class_SetString(session, class))
	require.NoError(t, rfc2865.NASPort_Set(session, 7))
	require.NoError(t, rfc2866.AcctDelayTime_Set(session, 3600))
	f.requireAnswer(session, radius.CodeAccountingResponse)
	form = vault.form("accounting")
	for field, value := range values {
		require.Equal(t, hexOf(value), form.Get(field+"_hex"), field)
	}
	require.Equal(t, "0x"+hexOf(class), form.Get("class"))
	require.Equal(t, "7", form.Get("nas_port"))
	require.Equal(t, "3600", form.Get("acct_delay_time"))
	require.Empty(t, form.Get("event_timestamp"), "the NAS has sent none")
	require.NoError(t, rfc2869.EventTimestamp_Set(session, time.Unix(1199145600, 0)))
	f.requireAnswer(session, radius.CodeAccountingResponse)
	require.Equal(t, "1199145600", vault.form("accounting").Get("event_timestamp"))
}

func hexOf(octets string) string { return hex.EncodeToString([]byte(octets)) }

// requireAnswer sends a packet, and holds its answer against the code.
func (f *frontend) requireAnswer(packet *radius.Packet, code radius.Code) {
	f.t.Helper()
	answer, err := f.exchange(packet)
	require.NoError(f.t, err)
	require.Equal(f.t, code, codeOf(answer))
}
