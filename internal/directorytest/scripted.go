package directorytest

import (
	"maps"
	"net"
	"slices"
	"sync"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// Request is what a scripted directory received: a bind, or a search.
type Request struct {
	Bind     bool
	DN       string // of the bind, or the base of the search
	Password string
	Filter   string
}

// Answer is what a scripted directory answers.
type Answer struct {
	Result     uint16 // of RFC 4511 section 4.1.9
	Diagnostic string
	Referrals  []string          // of the result
	Entries    []*ldap.Entry     // that were found
	Continue   []string          // continuation references of a search
	Controls   map[string]string // of the response to a bind: values, in BER, by their types
	Silent     bool              // there is no answer
}

// Scripted is a directory that answers what a test wants, over plain LDAP.
type Scripted struct {
	listener net.Listener
	answer   func(Request) Answer
	handlers sync.WaitGroup

	mu       sync.Mutex
	requests []Request             // guarded by mu
	conns    map[net.Conn]struct{} // guarded by mu
	accepted int                   // guarded by mu
}

// StartScripted runs a directory on the address, such as 127.0.0.1:0. answer is
// called by one goroutine for each connection.
func StartScripted(address string, answer func(Request) Answer) (*Scripted, error) {
	listener, err := net.Listen("tcp4", address)
	if err != nil {
		return nil, err
	}
	s := &Scripted{listener: listener, answer: answer, conns: map[net.Conn]struct{}{}}
	s.handlers.Go(s.accept)
	return s, nil
}

// Port returns the TCP port where it listens.
func (s *Scripted) Port() int { return s.listener.Addr().(*net.TCPAddr).Port }

// Requests returns all requests so far, in their order.
func (s *Scripted) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request{}, s.requests...)
}

// Connections returns how many connections were ever made, and how many are open.
func (s *Scripted) Connections() (made, open int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted, len(s.conns)
}

// CloseConnections ends all connections, as a directory does that has waited long
// enough.
func (s *Scripted) CloseConnections() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.conns {
		_ = conn.Close()
	}
}

// Close ends the directory and waits for what it does.
func (s *Scripted) Close() {
	_ = s.listener.Close()
	s.CloseConnections()
	s.handlers.Wait()
}

func (s *Scripted) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns[conn] = struct{}{}
		s.accepted++
		s.mu.Unlock()
		s.handlers.Go(func() { s.serve(conn) })
	}
}

func (s *Scripted) serve(conn net.Conn) {
	defer func() {
		_ = conn.Close()
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.conns, conn)
	}()
	for {
		packet, err := ber.ReadPacket(conn)
		if err != nil || len(packet.Children) < 2 {
			return
		}
		id, operation := packet.Children[0].Value.(int64), packet.Children[1]
		request, known := read(operation)
		if !known {
			return // an unbind, or nothing that is known here
		}
		s.mu.Lock()
		s.requests = append(s.requests, request)
		s.mu.Unlock()
		answer := s.answer(request)
		if answer.Silent {
			continue
		}
		for _, message := range answer.messages(id, request.Bind) {
			if _, err := conn.Write(message.Bytes()); err != nil {
				return
			}
		}
	}
}

// read reads a bind or a search.
func read(operation *ber.Packet) (Request, bool) {
	switch {
	case operation.Tag == ldap.ApplicationBindRequest && len(operation.Children) == 3:
		return Request{Bind: true, DN: operation.Children[1].Value.(string), Password: operation.Children[2].Data.String()}, true
	case operation.Tag == ldap.ApplicationSearchRequest && len(operation.Children) == 8:
		filter, err := ldap.DecompileFilter(operation.Children[6])
		return Request{DN: operation.Children[0].Value.(string), Filter: filter}, err == nil
	}
	return Request{}, false
}

func (a Answer) messages(id int64, bind bool) []*ber.Packet {
	if bind {
		response := message(id, a.result(ldap.ApplicationBindResponse))
		if len(a.Controls) > 0 {
			response.AppendChild(a.controls())
		}
		return []*ber.Packet{response}
	}
	var messages []*ber.Packet
	for _, entry := range a.Entries {
		found := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultEntry, nil, "")
		found.AppendChild(text(entry.DN))
		attributes := ber.NewSequence("")
		for _, attribute := range entry.Attributes {
			pair, values := ber.NewSequence(""), ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "")
			for _, value := range attribute.Values {
				values.AppendChild(text(value))
			}
			pair.AppendChild(text(attribute.Name))
			pair.AppendChild(values)
			attributes.AppendChild(pair)
		}
		found.AppendChild(attributes)
		messages = append(messages, message(id, found))
	}
	for _, url := range a.Continue {
		reference := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultReference, nil, "")
		reference.AppendChild(text(url))
		messages = append(messages, message(id, reference))
	}
	return append(messages, message(id, a.result(ldap.ApplicationSearchResultDone)))
}

// controls returns those of the answer (RFC 4511 section 4.1.11).
func (a Answer) controls() *ber.Packet {
	controls := ber.Encode(ber.ClassContext, ber.TypeConstructed, 0, nil, "")
	for _, oid := range slices.Sorted(maps.Keys(a.Controls)) {
		control := ber.NewSequence("")
		control.AppendChild(text(oid))
		control.AppendChild(text(a.Controls[oid]))
		controls.AppendChild(control)
	}
	return controls
}

func (a Answer) result(tag ber.Tag) *ber.Packet {
	result := ber.Encode(ber.ClassApplication, ber.TypeConstructed, tag, nil, "")
	result.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, int64(a.Result), ""))
	result.AppendChild(text(""))
	result.AppendChild(text(a.Diagnostic))
	if len(a.Referrals) > 0 {
		referrals := ber.Encode(ber.ClassContext, ber.TypeConstructed, 3, nil, "")
		for _, url := range a.Referrals {
			referrals.AppendChild(text(url))
		}
		result.AppendChild(referrals)
	}
	return result
}

func message(id int64, operation *ber.Packet) *ber.Packet {
	response := ber.NewSequence("")
	response.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, ""))
	response.AppendChild(operation)
	return response
}

func text(value string) *ber.Packet {
	return ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, value, "")
}
