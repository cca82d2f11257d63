package radiustest

import (
	"crypto/rand"
	"net/netip"
	"sync"

	"layeh.com/radius"
)

// stateLen is the length in octets of the State that a challenge carries.
const stateLen = 16

// remembered is how many answers and open challenges Users.Handler keeps: more
// than a client can have in flight.
const remembered = 1 << 16

// Users are the users that the server knows, by User-Name.
type Users map[string]User

// User is one of them.
type User struct {
	Password   string
	Code       string      // one-time code asked for after the password; empty: none
	Attributes []Attribute // of the Access-Accept
}

// Handler checks passwords (PAP). A user with a one-time code is challenged for
// it with a random State that works once. A request repeated byte for byte gets
// the answer that it got before, byte for byte (RFC 5080 section 2.2.2).
//
// The map must not change afterwards; one handler can serve several servers.
func (u Users) Handler() Handler {
	h := &usersHandler{
		users:      u,
		answers:    newRecent[transmission, Answer](remembered),
		challenges: newRecent[string, string](remembered),
	}
	return h.handle
}

// transmission identifies a request as its sender repeats it.
type transmission struct {
	from netip.AddrPort
	raw  string
}

type usersHandler struct {
	users Users

	mu         sync.Mutex
	answers    *recent[transmission, Answer] // guarded by mu
	challenges *recent[string, string]       // State to User-Name; guarded by mu
}

func (h *usersHandler) handle(r *Request) []Answer {
	h.mu.Lock()
	defer h.mu.Unlock()
	key := transmission{from: r.From, raw: string(r.Raw)}
	answer, known := h.answers.get(key)
	if !known {
		answer = h.decide(r)
		h.answers.put(key, answer)
	}
	return []Answer{answer}
}

// decide runs with mu held.
func (h *usersHandler) decide(r *Request) Answer {
	if r.Packet.Code == radius.CodeStatusServer {
		return r.Accept()
	}
	user, known := h.users[r.Username()]
	switch {
	case !known:
		return r.Reject("access denied")
	case r.State() != nil:
		return h.second(r, user)
	case r.Password() != user.Password:
		return r.Reject("access denied")
	case user.Code == "":
		return r.Accept(user.Attributes...)
	}
	state := make([]byte, stateLen)
	_, _ = rand.Read(state) // never fails since Go 1.24
	h.challenges.put(string(state), r.Username())
	return r.Challenge(state, "Enter your one-time code")
}

// second decides the request that answers a challenge. Its State is used up
// even when the code is wrong.
func (h *usersHandler) second(r *Request, user User) Answer {
	state := string(r.State())
	name, open := h.challenges.get(state)
	h.challenges.remove(state)
	if !open || name != r.Username() || r.Password() != user.Code {
		return r.Reject("access denied")
	}
	return r.Accept(user.Attributes...)
}
