package profile

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"vault-plugin-auth-radius/internal/dictionary"
)

// Decision is the outcome of a login by the profiles.
type Decision struct {
	// Refused, if it is not nil, is the limit of a profile that refuses the login,
	// whatever other profiles say. Nothing matches then.
	Refused *Refusal
	Matched []int // indexes of the profiles that match, in order
	// RuledOut are the indexes of profiles with limits that match at no time: an item that
	// does not look at the clock does not hold.
	RuledOut []int
	// Ends is when the login ends by the profiles that match.
	Ends Ends
	// Reply is what the source answered, changed by the profiles that match.
	Reply    []ReplyAttribute
	Warnings []Warning // reply items that were left out
}

// Warning is about a reply item that could not be applied.
type Warning struct {
	Profile int    // index
	Field   string // such as reply_attribute[2].value
	Text    string // why; never holds a secret value
}

// Refusal is a limit of a profile that a login does not keep: Expiration, Login-Time
// or Auth-Type := Reject.
type Refusal struct {
	Profile int    // index
	Reason  string // the item, and why it does not hold
}

// Ends is when a login ends: with the first window of Login-Time, and with the first
// Expiration; zero: not at all.
type Ends struct{ Window, Expiration time.Time }

// First returns the earlier end; zero: there is none.
func (e Ends) First() time.Time { return earlier(e.Window, e.Expiration) }

// ExpiringAt returns the ends of a login that also ends at that time.
func (e Ends) ExpiringAt(end time.Time) Ends {
	return Ends{Window: e.Window, Expiration: earlier(e.Expiration, end)}
}

// minimumWindow is the shortest Session-Timeout of a window, in seconds: access servers
// may ignore shorter ones, and a session that begins in the last minute would have no
// end. FreeRADIUS sends no less, either.
const minimumWindow = 60

// SessionTimeout returns how long a session that begins now may last, in seconds; limited is
// false if it may go on, at least for longer than the attribute can say.
func (e Ends) SessionTimeout(now time.Time) (seconds uint32, limited bool) {
	rest := int64(math.MaxInt64)
	if !e.Window.IsZero() {
		rest = max(minimumWindow, secondsUntil(e.Window, now))
	}
	if !e.Expiration.IsZero() {
		rest = min(rest, max(1, secondsUntil(e.Expiration, now)))
	}
	if rest > math.MaxUint32 {
		return 0, false
	}
	return uint32(rest), true // #nosec G115 -- bounded on both sides
}

// secondsUntil returns the seconds between, counting those that have begun. The time between may be longer than a
// time.Duration is.
func secondsUntil(end, now time.Time) int64 {
	seconds := end.Unix() - now.Unix()
	if end.Nanosecond() > now.Nanosecond() {
		seconds++
	}
	return seconds
}

// earlier returns the earlier of two times; zero is later than all.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// Evaluate returns which of the profiles a login matches, with their reply items merged
// into the source's reply, profile by profile in their order. Check
// items and expansions see what the source answered, never what another profile
// replies. Limits are looked at once a profile's other check items hold.
func Evaluate(profiles []*Profile, input *Input) Decision {
	e := newEvaluation(input)
	for i, profile := range profiles {
		if !e.matches(profile) {
			e.ruleOut(i, profile)
			continue
		}
		if item := profile.brokenLimit(input.now); item != nil {
			e.refuse(i, item)
			break
		}
		e.apply(i, profile, nil)
	}
	return e.decision()
}

// Recheck decides again, by the clock alone, about a login. It is refused unless all items
// that the clock decides, of the profiles that it has matched, hold now, too. It is also
// refused by a limit of the others, if the clock lets those match: profiles that were ruled
// out are not among them. The Refusal's index is that of a profile in both lists, one after
// the other; Matched and Reply are empty.
func Recheck(matched, others []*Profile, now time.Time) Decision {
	e := newEvaluation(&Input{now: now})
	for i, profile := range matched {
		for j := range profile.check {
			if item := &profile.check[j]; item.clock != nil && !item.clock.holds(now) {
				e.refuse(i, item)
				return e.decision()
			}
		}
		e.ends.add(profile, now)
	}
	for i, profile := range others {
		if !profile.limits() || !profile.inTime(now) {
			continue
		}
		if item := profile.brokenLimit(now); item != nil {
			e.refuse(len(matched)+i, item)
			return e.decision()
		}
		e.ends.add(profile, now)
	}
	return e.decision()
}

// inTime reports whether all check items hold that the clock decides, but for limits.
func (p *Profile) inTime(now time.Time) bool {
	for i := range p.check {
		if item := &p.check[i]; item.clock != nil && !item.limit && !item.clock.holds(now) {
			return false
		}
	}
	return true
}

// limits reports whether the profile has a limit.
func (p *Profile) limits() bool {
	for i := range p.check {
		if p.check[i].limit {
			return true
		}
	}
	return false
}

// brokenLimit returns the first limit that the time does not keep; nil: it keeps all.
func (p *Profile) brokenLimit(now time.Time) *checkItem {
	for i := range p.check {
		if item := &p.check[i]; item.limit && !item.clock.holds(now) {
			return item
		}
	}
	return nil
}

// add makes the login end no later than the profile allows.
func (e *Ends) add(profile *Profile, now time.Time) {
	for i := range profile.check {
		switch item := &profile.check[i]; clock := item.clock.(type) {
		case expiration:
			e.Expiration = earlier(e.Expiration, clock.In(now.Location()))
		case window:
			if end, limited := clock.End(now); limited && item.limit {
				e.Window = earlier(e.Window, end)
			}
		}
	}
}

// evaluation is the state of one decision.
type evaluation struct {
	input    *Input
	reply    merged
	refused  *Refusal // the first
	matched  []int
	ruledOut []int
	ends     Ends
	warnings []Warning

	scratch []byte // for expanded text, used again and again
	text    []byte // that the last pattern matched
	groups  []int  // where in text its groups begin and end
}

func newEvaluation(input *Input) *evaluation {
	return &evaluation{input: input, reply: newMerged(input.reply)}
}

func (e *evaluation) decision() Decision {
	if e.refused != nil {
		return Decision{Refused: e.refused}
	}
	return Decision{Matched: e.matched, RuledOut: e.ruledOut, Ends: e.ends, Reply: e.reply.attributes, Warnings: e.warnings}
}

// refuse notes why the login is refused, if nothing has refused it yet.
func (e *evaluation) refuse(index int, item *checkItem) {
	if e.refused == nil {
		written := fmt.Sprintf("%s %s %s", item.target.attribute.Name, item.item.Operator, item.item.Value)
		e.refused = &Refusal{Profile: index, Reason: written + ": " + item.clock.reason(false)}
	}
}

// matches reports whether all check items but the limits hold, and stops at the first
// that does not.
func (e *evaluation) matches(profile *Profile) bool {
	for i := range profile.check {
		if profile.check[i].limit {
			continue
		}
		if held, _ := e.check(&profile.check[i]); !held {
			return false
		}
	}
	return true
}

// ruleOut notes a profile with limits that does not match, unless that is a matter of time.
func (e *evaluation) ruleOut(index int, profile *Profile) {
	if !profile.limits() {
		return
	}
	for i := range profile.check {
		if profile.check[i].clock != nil {
			continue
		}
		if held, _ := e.check(&profile.check[i]); !held {
			e.ruledOut = append(e.ruledOut, index)
			return
		}
	}
}

// check reports whether a check item holds: some instance of its attribute has to
// satisfy it. The error is the reason why nothing could be compared.
func (e *evaluation) check(item *checkItem) (bool, error) {
	switch {
	case item.clock != nil:
		return item.clock.holds(e.input.now), nil
	case item.test == always:
		return true, nil
	}
	instances := e.input.find(item.target.key)
	found := slices.ContainsFunc(instances, func(i entry) bool { return i.hasTag(item.target.tag) })
	switch {
	case item.test == absent:
		return !found, nil
	case item.test == present || !found:
		return found, nil
	case item.pattern != nil:
		return e.match(item, instances)
	}
	return e.compare(item, instances)
}

func (e *evaluation) compare(item *checkItem, instances []entry) (bool, error) {
	operand, err := e.operand(item)
	if err != nil {
		return false, err
	}
	for i := range instances {
		if instances[i].hasTag(item.target.tag) && item.accepts&operand.compare(instances[i].item.Value, operand.with) != 0 {
			return true, nil
		}
	}
	return false, nil
}

// operand returns the right side of a comparison, expanded.
func (e *evaluation) operand(item *checkItem) (operand, error) {
	if item.template == nil {
		return item.operand, nil
	}
	text, err := e.expand(item.template)
	if err != nil {
		return operand{}, err
	}
	if item.target.attribute == nil || item.target.attribute.Type == dictionary.String {
		return operand{compareBytes, text}, nil
	}
	return parseOperand(item.target.attribute, item.accepts, string(text))
}

func (e *evaluation) match(item *checkItem, instances []entry) (bool, error) {
	pattern, err := item.pattern.complete(e)
	if err != nil {
		return false, err
	}
	for i := range instances {
		if !instances[i].hasTag(item.target.tag) {
			continue
		}
		text := instances[i].textOf()
		if item.captures {
			if e.text, e.groups = text, pattern.FindSubmatchIndex(text); e.groups != nil {
				return true, nil
			}
		} else if pattern.Match(text) == (item.test == matches) {
			return true, nil
		}
	}
	return false, nil
}

// apply merges the reply items of a profile that matches, and explains each if
// there is an explanation.
func (e *evaluation) apply(index int, profile *Profile, explanation *Explanation) {
	e.matched = append(e.matched, index)
	e.ends.add(profile, e.input.now)
	e.reply.begin()
	for i := range profile.reply {
		item := &profile.reply[i]
		value, err := e.value(item)
		var done effect
		if err == nil {
			added := dictionary.Item{Attribute: item.target.attribute, Tag: item.target.tag, Value: value}
			done = e.reply.apply(item.target.key, item.operator, ReplyAttribute{added, index})
		} else {
			e.warnings = append(e.warnings, Warning{
				Profile: index,
				Field:   place{replyField, i}.field("value"),
				Text:    fmt.Sprintf("%s is left out: %s", item.target.attribute.Name, err),
			})
		}
		if explanation != nil {
			explanation.Reply = append(explanation.Reply, explainReply(item, value, done, err))
		}
	}
}

// value returns the value that a reply item sets, expanded.
func (e *evaluation) value(item *replyItem) ([]byte, error) {
	if item.template == nil {
		return item.value, nil
	}
	text, err := e.expand(item.template)
	if err != nil {
		return nil, err
	}
	value, err := parseReply(item.target.attribute, string(text))
	if err != nil && item.target.secret {
		return nil, errors.New("its expansion is not a valid value")
	}
	return value, err
}

func (e *evaluation) expand(t template) ([]byte, error) {
	text, err := t.expand(e.scratch[:0], e)
	e.scratch = text
	return text, err
}

// instances and captured make an evaluation the source of expansions.
func (e *evaluation) instances(r reference) []entry { return e.input.find(r.key) }

func (e *evaluation) captured(group int) []byte {
	if 2*group+1 >= len(e.groups) || e.groups[2*group] < 0 {
		return nil
	}
	return e.text[e.groups[2*group]:e.groups[2*group+1]]
}
