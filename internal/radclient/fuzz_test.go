package radclient

import (
	"bytes"
	"encoding/hex"
	"testing"
	"time"
	"unicode"

	"layeh.com/radius"
)

// answerVectors are answers of the vectors, right and wrong ones, to start from.
var answerVectors = []string{
	"022a002e37ba2d51bf9900c9e6db359e18b6e7be5012f5280f151199942cd2ec511309feea24190861646d696e73",
	"022a002e60865463360d6caafefa3a9862db7e95190861646d696e7350122e6828a4afe44943a56969984400f591",
	"022a002e693da204537ef0b35bdf764a0d1530805012f4280f151199942cd2ec511309feea24190861646d696e73",
	"022a001cd0d2252f28283f27083ad87ffd456af9190861646d696e73",
	"022a00182c73eb22f0bdc599981cafbc2955c28d2104dead",
	"0b2a0046a470250dbde08d16367794f87987320d50127e3ad772c9b96853a22c48a1a3e686421208456e746572201206" +
		"4f54503a180600ff0a804c06000000001b060000003c",
	"032a002e11b53018009d5d28cf88127b6b96a4dd501286097e0a05ca2de6fc1a898c61aca269120864656e696564",
}

// Whatever arrives, checkAnswer does not panic, and takes only what the packet
// codec's own check of the Response Authenticator takes as well.
func FuzzCheckAnswer(f *testing.F) {
	for _, vector := range answerVectors {
		datagram, err := hex.DecodeString(vector)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(datagram)
	}
	sent := &request{
		code: radius.CodeAccessRequest, identifier: 0x2a,
		authenticator: vectorAuthenticator, signer: newSigner([]byte(vectorSecret)),
	}
	header := make([]byte, headerLen)
	header[0], header[1], header[3] = byte(radius.CodeAccessRequest), sent.identifier, headerLen
	copy(header[4:], vectorAuthenticator[:])
	f.Fuzz(func(t *testing.T, datagram []byte) {
		if packet, err := readPacket(bytes.NewReader(datagram)); err == nil {
			_, _ = checkAnswer11(packet, sent) // RADIUS/1.1 believes what TLS has brought
		}
		packet, _, reason := checkAnswer(datagram, sent, func(radius.Code) bool { return false })
		if (packet == nil) != (reason != 0) {
			t.Fatalf("packet %v and reason %d", packet, reason)
		}
		if packet == nil {
			return
		}
		length := int(datagram[2])<<8 | int(datagram[3])
		if !radius.IsAuthenticResponse(datagram[:length], header, sent.signer.secret) {
			t.Fatalf("took %x", datagram)
		}
	})
}

// Whatever a challenge holds, its step is within limits and safe to show.
func FuzzStep(f *testing.F) {
	for _, vector := range answerVectors {
		datagram, err := hex.DecodeString(vector)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(datagram[headerLen:])
	}
	f.Fuzz(func(t *testing.T, octets []byte) {
		attributes, err := radius.ParseAttributes(octets)
		if err != nil {
			return
		}
		step, err := Verdict{Outcome: Challenge, Attributes: attributes}.Step()
		if err != nil {
			return
		}
		if step.Time < 10*time.Second || step.Time > 10*time.Minute {
			t.Fatalf("%s to answer", step.Time)
		}
		for _, r := range step.Message {
			if unicode.IsControl(r) && r != '\n' {
				t.Fatalf("%q", step.Message)
			}
		}
	})
}

// Whatever a server sends, its reasons are read without panic.
func FuzzReasons(f *testing.F) {
	f.Add([]byte("\x1a\x13\x00\x00\x01\x37\x02\x0d\x01E=691 R=0"))
	f.Fuzz(func(_ *testing.T, octets []byte) {
		attributes, err := radius.ParseAttributes(octets)
		if err != nil {
			return
		}
		for _, outcome := range []Outcome{Accept, Reject, Challenge} {
			verdict := checkServiceType(Verdict{Outcome: outcome, Attributes: attributes})
			proof{success: []byte("\x01S=")}.check(verdict)
		}
	})
}
