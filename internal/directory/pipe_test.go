package directory

import (
	"net"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// answerRoot answers one search with nothing found, as a directory that is there.
func answerRoot(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	packet, err := ber.ReadPacket(conn)
	if err != nil {
		return
	}
	done := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultDone, nil, "")
	done.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, int64(0), ""))
	done.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, "", ""))
	done.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, "", ""))
	answer := ber.NewSequence("")
	answer.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, packet.Children[0].Value, ""))
	answer.AppendChild(done)
	_, _ = conn.Write(answer.Bytes())
	_, _ = ber.ReadPacket(conn) // until the other end closes
}
