package directory

import (
	"context"
	"net"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// startTLSName names the operation (RFC 4511 section 4.14).
const startTLSName = "1.3.6.1.4.1.1466.20037"

// startTLS asks the server to speak TLS from here on. go-ldap can do so itself, but
// keeps to itself why TLS has failed then, which the operator needs to know.
func startTLS(ctx context.Context, conn net.Conn) error {
	if deadline, limited := ctx.Deadline(); limited {
		if err := conn.SetDeadline(deadline); err != nil {
			return err
		}
	}
	request := ber.NewSequence("")
	request.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, 1, ""))
	operation := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationExtendedRequest, nil, "")
	operation.AppendChild(ber.NewString(ber.ClassContext, ber.TypePrimitive, 0, startTLSName, ""))
	request.AppendChild(operation)
	if _, err := conn.Write(request.Bytes()); err != nil {
		return err
	}
	answer, err := ber.ReadPacket(conn)
	if err != nil {
		return err
	}
	if err := ldap.GetLDAPError(answer); err != nil {
		return err
	}
	return conn.SetDeadline(time.Time{})
}
