package profile

import (
	"fmt"
	"slices"
	"strings"
)

// maxFound is how many values of one attribute an explanation shows.
const maxFound = 10

// Explanation is why a profile matched or not, and what it did to the reply.
type Explanation struct {
	Matched bool
	Check   []CheckExplanation // of every check item, in order
	Reply   []ReplyExplanation // of every reply item, in order; none without a match

	readsReply, readsPassword bool
}

// MayDependOnReply reports whether what the source answers may change which check items hold.
func (e Explanation) MayDependOnReply() bool { return e.readsReply }

// MayDependOnPassword reports whether another password may change which check items hold.
func (e Explanation) MayDependOnPassword() bool { return e.readsPassword }

// CheckExplanation is whether a check item held, and why. Secret values are
// replaced.
type CheckExplanation struct {
	Item     Item     // as written
	Found    []string // the attribute's values, the first ten of them
	Compared string   // what they were compared with, expansions done; may be empty
	Held     bool
	Reason   string
}

// ReplyExplanation is what a reply item did. Secret values are replaced.
type ReplyExplanation struct {
	Item    Item   // as written
	Value   string // as it was sent, expansions done; empty if it was left out
	Applied bool
	Reason  string
}

// Explain returns the decision that [Evaluate] returns, and an explanation of each profile.
// It looks at every check item, also at those after one that does not hold.
func Explain(profiles []*Profile, input *Input) (Decision, []Explanation) {
	e := newEvaluation(input)
	explanations := make([]Explanation, len(profiles))
	for i, profile := range profiles {
		explanation := &explanations[i]
		explanation.Matched = true
		explanation.readsReply = profile.reads(reference.ofReply)
		explanation.readsPassword = profile.reads(reference.isPassword)
		for j := range profile.check {
			check := e.explainCheck(&profile.check[j])
			explanation.Check = append(explanation.Check, check)
			explanation.Matched = explanation.Matched && (check.Held || profile.check[j].limit)
		}
		switch limit := profile.brokenLimit(input.now); {
		case !explanation.Matched:
			e.ruleOut(i, profile)
		case limit != nil:
			explanation.Matched = false
			e.refuse(i, limit)
		default:
			e.apply(i, profile, explanation)
		}
	}
	return e.decision(), explanations
}

// reads reports whether a check item looks at such an attribute, or expands one.
func (p *Profile) reads(such func(reference) bool) bool {
	return slices.ContainsFunc(p.check, func(item checkItem) bool {
		values := []template{item.template}
		if item.pattern != nil {
			values = append(values, item.pattern.template)
		}
		if such(item.target) {
			return true
		}
		for _, value := range values {
			for expansion := range value.expansions() {
				if such(expansion.reference) {
					return true
				}
			}
		}
		return false
	})
}

func (e *evaluation) explainCheck(item *checkItem) CheckExplanation {
	if item.clock != nil {
		held := item.clock.holds(e.input.now)
		now := e.input.now.Format("Mon Jan _2 2006 15:04:05 MST")
		return CheckExplanation{Item: item.item, Found: []string{now}, Compared: item.item.Value, Held: held, Reason: item.clock.reason(held)}
	}
	var found []string
	for _, instance := range e.input.find(item.target.key) {
		if instance.hasTag(item.target.tag) && len(found) < maxFound {
			found = append(found, shown(item.secret, instance.print()))
		}
	}
	compared := e.compared(item) // before check, which may change the groups
	held, err := e.check(item)
	if item.captures && !held {
		e.groups = nil // later items mean this pattern's, not those of an earlier one
	}
	reason := ""
	if err != nil {
		reason = "nothing to compare with: " + err.Error()
		if item.secret {
			reason = "nothing to compare with: its expansion is not a valid value"
		}
	} else {
		reason = item.reason(held, len(found))
	}
	return CheckExplanation{
		Item:     shownItem(item.item, item.secret),
		Found:    found,
		Compared: shown(item.secret, compared),
		Held:     held,
		Reason:   reason,
	}
}

// compared returns the text that the item compares with, expansions done.
func (e *evaluation) compared(item *checkItem) string {
	switch {
	case item.test == always || item.test == present || item.test == absent:
		return ""
	case item.pattern != nil:
		if pattern, err := item.pattern.complete(e); err == nil {
			return pattern.String()
		}
	case item.template != nil:
		if text, err := e.expand(item.template); err == nil {
			return string(text)
		}
	case item.target.attribute != nil && item.operand.with != nil:
		return item.target.attribute.PrintValue(item.operand.with)
	default:
		return item.item.Value
	}
	return ""
}

// reason returns why the item held or not, in words.
func (item *checkItem) reason(held bool, found int) string {
	switch {
	case item.test == always:
		return fmt.Sprintf("%s does not limit logins yet", item.target.attribute.Name)
	case item.test == present || item.test == absent || found == 0:
		if found == 0 {
			return fmt.Sprintf("%s is absent", item.target)
		}
		return fmt.Sprintf("%s is present", item.target)
	case item.test == matches && held:
		return "a value matches the pattern"
	case item.test == matches:
		return "no value matches the pattern"
	case item.test == differs && held:
		return "a value does not match the pattern"
	case item.test == differs:
		return "every value matches the pattern"
	case held:
		return fmt.Sprintf("a value is %s what it is compared with", item.accepts)
	}
	return fmt.Sprintf("no value is %s what it is compared with", item.accepts)
}

// String returns in words which orders are accepted.
func (o order) String() string {
	if o == less|greater|apart {
		return "other than"
	}
	var words []string
	for _, each := range []struct {
		order order
		word  string
	}{{less, "less than"}, {greater, "greater than"}, {equal, "equal to"}} {
		if o&each.order != 0 {
			words = append(words, each.word)
		}
	}
	return strings.Join(words, " or ")
}

func explainReply(item *replyItem, value []byte, done effect, err error) ReplyExplanation {
	attribute := item.target.attribute
	explanation := ReplyExplanation{Item: shownItem(item.item, item.target.secret)}
	switch {
	case err != nil:
		explanation.Reason = "left out: " + err.Error()
		return explanation
	case done == keptOut:
		explanation.Reason = fmt.Sprintf("left out: the reply has %s already, and = does not change it", attribute.Name)
		return explanation
	case done == overwritten:
		explanation.Reason = fmt.Sprintf("replaces a value of %s", attribute.Name)
	default:
		explanation.Reason = "added"
	}
	explanation.Applied = true
	explanation.Value = shown(item.target.secret, attribute.PrintValue(value))
	return explanation
}

// print returns the value as text.
func (e *entry) print() string {
	if e.item.Attribute == nil {
		return string(e.item.Value)
	}
	return e.item.Attribute.PrintValue(e.item.Value)
}

func shown(secret bool, text string) string {
	if secret && text != "" {
		return redacted
	}
	return text
}

func shownItem(item Item, secret bool) Item {
	item.Value = shown(secret, item.Value)
	return item
}
