package attempts

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"
	"unsafe"

	"vault-plugin-auth-radius/internal/decision"
)

const (
	maxReason    = 320 // octets
	maxName      = 253 // the longest User-Name
	maxText      = 64
	maxKind      = 16 // of a source
	maxRequestID = 40 // a UUID has 36

	// textStep is what the octets of texts are rounded up to, as memory comes in steps.
	textStep = 128
	// indexOctets is what an entry takes in the index.
	indexOctets = 64

	maxTextOctets  = maxReason + maxName + 4*maxText + maxKind + maxRequestID
	maxEntryOctets = (int(unsafe.Sizeof(entry{}))+31)/32*32 + (maxTextOctets+textStep-1)/textStep*textStep + indexOctets
)

// entry is one decision, or several that are the same. Its texts are cut, and its own.
type entry struct {
	decision.Decision // the latest
	first             time.Time
	count             int

	id       uint64
	key      uint64 // of its sameness
	nameHash uint64 // of a name that is not registered
	octets   int    // of memory
	next     *entry // of its kind, newer
}

// newEntry returns an entry of the decision alone.
func newEntry(d decision.Decision) *entry {
	e := &entry{Decision: d, count: 1}
	e.Time = d.Time.Round(0).UTC()
	e.first = e.Time
	e.Use, e.Outcome = known(d.Use, decision.Uses), known(d.Outcome, decision.Outcomes)
	e.Class = known(d.Class, decision.Classes)
	if len(d.Username) > maxName { // of which the reason is not to show more
		e.Reason = strings.ReplaceAll(d.Reason, d.Username, cut(d.Username, maxName))
	}
	texts := [...]struct {
		text *string
		max  int
	}{
		{&e.Username, maxName},
		{&e.Address, maxText},
		{&e.Station, maxText},
		{&e.Source, maxText},
		{&e.SourceType, maxKind},
		{&e.Server, maxText},
		{&e.RequestID, maxRequestID},
	}
	e.Reason = keptReason(e.Reason)
	size := len(e.Reason)
	for _, t := range texts {
		*t.text = kept(*t.text, t.max)
		size += len(*t.text)
	}
	// The texts are copied into one: they may be parts of longer ones, which would stay in memory.
	var all strings.Builder
	all.Grow(size)
	all.WriteString(e.Reason)
	for _, t := range texts {
		all.WriteString(*t.text)
	}
	rest := all.String()
	e.Reason, rest = rest[:len(e.Reason)], rest[len(e.Reason):]
	for _, t := range texts {
		*t.text, rest = rest[:len(*t.text)], rest[len(*t.text):]
	}
	e.octets = maxEntryOctets - (maxTextOctets+textStep-1)/textStep*textStep + (size+textStep-1)/textStep*textStep
	return e
}

const (
	replacement = string(utf8.RuneError)
	ellipsis    = "…"
)

// known returns the value that is of all, so that it takes no memory; the zero value if none is.
func known[T ~string](value T, all []T) T {
	if i := slices.Index(all, value); i >= 0 {
		return all[i]
	}
	return ""
}

// kept returns a text as it is kept: as valid UTF-8 of so many octets at most.
func kept(text string, octets int) string {
	text = text[:min(len(text), octets+utf8.UTFMax)] // the rest need not be read
	return cut(strings.ToValidUTF8(text, replacement), octets)
}

// keptReason returns the reason as it is kept. An ellipsis ends one that was cut.
func keptReason(reason string) string {
	const read = 4 * maxReason
	valid := strings.ToValidUTF8(reason[:min(len(reason), read)], replacement)
	if len(reason) <= read && len(valid) <= maxReason {
		return valid
	}
	return cut(valid, maxReason-len(ellipsis)) + ellipsis
}

// cut returns the text with so many octets at most, and no part of a character at its end.
func cut(text string, octets int) string {
	if len(text) <= octets {
		return text
	}
	for octets > 0 && !utf8.RuneStart(text[octets]) {
		octets--
	}
	return text[:octets]
}

// sameness is what decisions that become one entry have in common.
type sameness struct {
	username   string
	registered bool
	use        decision.Use
	source     string
	outcome    decision.Outcome
	reason     string // or the class
}

func (e *entry) sameness() sameness {
	same := sameness{e.Username, e.Registered, e.Use, e.Source, e.Outcome, e.Reason}
	if e.Outcome == decision.Unanswered {
		same.reason = string(e.Class)
	}
	return same
}

// takes reports whether the decision is to be added to the entry. Decisions may come in another
// order than they were taken.
func (e *entry) takes(added *entry) bool {
	since := added.Time.Sub(e.first)
	return -mergeWindow < since && since < mergeWindow && e.sameness() == added.sameness()
}

// merge adds the decision: what it has takes the place of what is there, unless it is older.
func (e *entry) merge(added *entry) {
	e.count++
	if added.Time.Before(e.first) {
		e.first = added.Time
	}
	if !added.Time.Before(e.Time) {
		e.Decision, e.octets = added.Decision, added.octets
	}
}
