package radiustest

import (
	"crypto/sha256"
	"encoding/binary"
)

// Loss drops a share of the datagrams in each direction. Which ones depends
// only on the seed, the User-Name, the direction and the number of the copy, so
// that a run repeats whatever the order in which parallel logins arrive. All
// answers to one copy share its fate, and so do the two steps of a
// challenge.
type Loss struct {
	Rate float64 // share lost in each direction, 0 (none) to 1 (all)
	Seed uint64
}

// LosesRequest reports whether this copy of a user's request is lost on its
// way to the server. The first transmission is copy 1.
func (l Loss) LosesRequest(username string, number int) bool {
	return l.drops(username, "request", number)
}

// LosesAnswer reports whether the answers to this copy of a user's request are
// lost on their way to the client.
func (l Loss) LosesAnswer(username string, number int) bool {
	return l.drops(username, "answer", number)
}

func (l Loss) drops(username, direction string, number int) bool {
	if l.Rate <= 0 {
		return false
	}
	input := binary.BigEndian.AppendUint64(nil, l.Seed)
	input = binary.BigEndian.AppendUint64(input, uint64(number)) // #nosec G115 -- counts from 1
	input = append(input, direction...)
	input = append(input, 0)
	input = append(input, username...)
	sum := sha256.Sum256(input)

	const bits53 = 1 << 53 // what a float64 holds exactly
	drawn := float64(binary.BigEndian.Uint64(sum[:8])>>11) / bits53
	return drawn < l.Rate
}
