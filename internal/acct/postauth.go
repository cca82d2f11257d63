package acct

import (
	"strings"
	"time"
)

// PostAuth is an attempt to log in. It cannot hold a password.
type PostAuth struct {
	ID               int64  `json:"id,omitempty"` // PostgreSQL's id; 0 in Vault storage
	Time             Time   `json:"date"`
	Username         string `json:"username"`
	Reply            string `json:"reply"` // Access-Accept, Access-Reject or Access-Challenge
	CalledStationID  string `json:"called_station_id"`
	CallingStationID string `json:"calling_station_id"`
	Class            string `json:"class"`
}

// Accepted reports whether the user was let in.
func (a PostAuth) Accepted() bool { return strings.EqualFold(a.Reply, "Access-Accept") }

// check returns an error for an attempt without a time: stores keep attempts by it.
func (a PostAuth) check() error {
	if a.Time.IsZero() {
		return Problems{"date": "is missing"}
	}
	return nil
}

// normal returns the attempt as both stores can hold it.
func (a PostAuth) normal() PostAuth {
	a.Time = TimeOf(a.Time.Time)
	for _, text := range []*string{&a.Username, &a.Reply, &a.CalledStationID, &a.CallingStationID} {
		*text = cleanText(*text)
	}
	a.Class = cleanClass(a.Class)
	return a
}

// PostAuthFilter chooses attempts. Zero values choose all.
type PostAuthFilter struct {
	Username         string
	Reply            string
	CalledStationID  string
	CallingStationID string
	From, To         time.Time // not before, not after
}

func (f PostAuthFilter) normal() PostAuthFilter {
	for _, text := range []*string{&f.Username, &f.Reply, &f.CalledStationID, &f.CallingStationID} {
		*text = cleanText(*text)
	}
	return f
}

func (f PostAuthFilter) matches(a *PostAuth) bool {
	switch {
	case f.Username != "" && f.Username != a.Username,
		f.Reply != "" && f.Reply != a.Reply,
		f.CalledStationID != "" && f.CalledStationID != a.CalledStationID,
		f.CallingStationID != "" && f.CallingStationID != a.CallingStationID,
		!f.From.IsZero() && a.Time.Before(f.From),
		!f.To.IsZero() && a.Time.After(f.To):
		return false
	}
	return true
}
