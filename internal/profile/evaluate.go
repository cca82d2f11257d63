package profile

import (
	"errors"
	"fmt"
	"slices"

	"vault-plugin-auth-radius/internal/dictionary"
)

// Decision is what profiles make of a login.
type Decision struct {
	Matched []int // indexes of the profiles that match, in order
	// Reply is what the source answered, changed by the profiles that match.
	Reply    []ReplyAttribute
	Warnings []Warning // reply items that were left out
}

// Warning tells of a reply item that could not be applied.
type Warning struct {
	Profile int    // index
	Field   string // such as reply_attribute[2].value
	Text    string // why; never holds a secret value
}

// Evaluate decides which of the profiles a login matches, and merges their reply
// items into the source's reply, profile by profile in the order given. Check
// items and expansions see what the source answered, never what another profile
// replies.
func Evaluate(profiles []*Profile, input *Input) Decision {
	e := newEvaluation(input)
	for i, profile := range profiles {
		if e.matches(profile) {
			e.apply(i, profile, nil)
		}
	}
	return e.decision()
}

// evaluation is the state of one decision.
type evaluation struct {
	input    *Input
	reply    merged
	matched  []int
	warnings []Warning

	scratch []byte // for expanded text, used again and again
	text    []byte // that the last pattern matched
	groups  []int  // where in text its groups begin and end
}

func newEvaluation(input *Input) *evaluation {
	return &evaluation{input: input, reply: newMerged(input.reply)}
}

func (e *evaluation) decision() Decision {
	return Decision{Matched: e.matched, Reply: e.reply.attributes, Warnings: e.warnings}
}

// matches tells whether all check items hold, and stops at the first that does
// not.
func (e *evaluation) matches(profile *Profile) bool {
	for i := range profile.check {
		if held, _ := e.check(&profile.check[i]); !held {
			return false
		}
	}
	return true
}

// check tells whether a check item holds: some instance of its attribute has to
// satisfy it. The error says why nothing could be compared.
func (e *evaluation) check(item *checkItem) (bool, error) {
	if item.test == always {
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

// operand is the right side of a comparison, expanded.
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
	e.reply.begin()
	for i := range profile.reply {
		item := &profile.reply[i]
		value, err := e.value(item)
		var done effect
		if err == nil {
			added := dictionary.Item{Attribute: item.target.attribute, Tag: item.target.tag, Value: value}
			done = e.reply.apply(item.target.key, item.operator, ReplyAttribute{added, index})
		} else {
			e.warnings = append(e.warnings, Warning{index, place{replyField, i}.field("value"), fmt.Sprintf("%s is left out: %s", item.target.attribute.Name, err)})
		}
		if explanation != nil {
			explanation.Reply = append(explanation.Reply, explainReply(item, value, done, err))
		}
	}
}

// value is what a reply item sets, expanded.
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
		return nil, errors.New("what it expands to is no valid value")
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
