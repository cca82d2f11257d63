// Package challenge seals what a login in steps remembers into the challenge_id that the
// client sends back.
package challenge

import "time"

// maxRounds is how many challenges one login may take.
const maxRounds = 8

// State is what a login remembers from one step to the next. It travels sealed: no
// storage is written, and any server of the cluster can go on.
type State struct {
	Username string    `json:"username"`         // canonical
	Source   string    `json:"source,omitempty"` // the key of the source that was asked
	Host     string    `json:"host"`             // that was asked, with the port, as in the config
	Server   string    `json:"server"`           // its address and port
	State    []byte    `json:"state,omitempty"`  // the server's
	Expires  time.Time `json:"expires"`
	Round    int       `json:"round"` // 1 for the first challenge
	// Failures is how many failed logins this login has counted: its wrong codes.
	Failures int `json:"failures,omitempty"`
}

// NextRound returns the round of the challenge that follows, and reports whether a login
// may take so many. It follows no other if the state is nil.
func (s *State) NextRound() (round int, allowed bool) {
	round = 1
	if s != nil {
		round = s.Round + 1
	}
	return round, round <= maxRounds
}

// Answer is a login that answers a challenge.
type Answer struct {
	ID         string // challenge_id
	Username   string // canonical
	Source     string // the key of the source that is to be asked
	ServesHost func(host string) bool
}

// fits reports whether the answer is to the challenge.
func (a Answer) fits(state *State) bool {
	return state.Username == a.Username && state.Source == a.Source && a.ServesHost(state.Host)
}

// Error says why a challenge_id is refused. Its text is for the client.
type Error string

// Why a challenge_id is refused.
const (
	ErrInvalid Error = "challenge_id is not valid for this login: log in again"
	ErrExpired Error = "challenge_id has expired: log in again"
	ErrUsed    Error = "challenge_id has been used: log in again"
)

// Error says what is wrong, and what to do.
func (e Error) Error() string { return string(e) }
