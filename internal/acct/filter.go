package acct

import (
	"net/netip"
	"time"
)

// Filter chooses sessions. Zero values choose all.
type Filter struct {
	UniqueID         string
	Username         string
	CalledStationID  string
	CallingStationID string
	NASAddress       netip.Addr
	StartTime        time.Time // began at that time or later
	StopTime         time.Time // ended at that time or earlier
	IsOpen           *bool
}

// normal returns the filter with texts and addresses as records have them.
func (f Filter) normal() Filter {
	for _, text := range []*string{&f.UniqueID, &f.Username, &f.CalledStationID, &f.CallingStationID} {
		*text = cleanText(*text)
	}
	f.NASAddress = f.NASAddress.Unmap().WithZone("")
	return f
}

// matches reports whether a session is chosen.
func (f Filter) matches(r *Record) bool {
	switch {
	case f.UniqueID != "" && f.UniqueID != r.UniqueID,
		f.Username != "" && f.Username != r.Username,
		f.CalledStationID != "" && f.CalledStationID != r.CalledStationID,
		f.CallingStationID != "" && f.CallingStationID != r.CallingStationID,
		f.NASAddress.IsValid() && f.NASAddress != r.NASAddress,
		!f.StartTime.IsZero() && r.StartTime.Before(f.StartTime),
		!f.StopTime.IsZero() && (r.Open() || r.StopTime.After(f.StopTime)),
		f.IsOpen != nil && *f.IsOpen != r.Open():
		return false
	}
	return true
}

const (
	defaultPageSize = 10
	maxPageSize     = 100
	maxPageNumber   = 1 << 24 // so that what comes before it can be counted in 32 bits
)

// Page is a part of an answer. Number counts from 1; Size is 10 if it is 0, and 100
// if it is more than that.
type Page struct{ Number, Size int }

func (p Page) normal() Page {
	if p.Size <= 0 {
		p.Size = defaultPageSize
	}
	return Page{Number: min(max(1, p.Number), maxPageNumber), Size: min(p.Size, maxPageSize)}
}

// skipped returns how many records come before the page.
func (p Page) skipped() int { return (p.Number - 1) * p.Size }

// First returns the page of the same size that begins an answer.
func (p Page) First() Page { return Page{Number: 1, Size: p.normal().Size} }

// Next returns the page after the page.
func (p Page) Next() Page {
	p = p.normal()
	return Page{Number: p.Number + 1, Size: p.Size}
}

// Previous returns the page before the page, and reports whether there is one.
func (p Page) Previous() (previous Page, exists bool) {
	p = p.normal()
	return Page{Number: p.Number - 1, Size: p.Size}, p.Number > 1
}

// Last returns the last page of an answer with that many records; of none it is the first.
func (p Page) Last(total int) Page {
	p = p.normal()
	return Page{Number: max(1, (total+p.Size-1)/p.Size), Size: p.Size}
}
