package profile

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"vault-plugin-auth-radius/internal/dictionary"
)

// replyItem is a compiled reply item.
type replyItem struct {
	item     Item // as written, for explanations
	target   reference
	operator replyOperator
	value    []byte   // unless there is a template
	template template // the value's text, if it has expansions
}

func (c *compiler) replyItems(items []Item) []replyItem {
	if !c.withinLimit(replyField, items) {
		return nil
	}
	compiled := make([]replyItem, len(items))
	for i, item := range items {
		if c.tooManyProblems(replyField) {
			break
		}
		compiled[i].item = item
		c.replyItem(place{replyField, i}, &compiled[i])
	}
	return compiled
}

func (c *compiler) replyItem(at place, compiled *replyItem) bool {
	valid := c.lengthsFit(at, compiled.item)
	target, err := replyTarget(c.dictionary, compiled.item.Attribute)
	if err != nil {
		valid = c.addProblem(at, "attribute", err)
	}
	operator, err := replyOperatorOf(compiled.item)
	if err != nil {
		valid = c.addProblem(at, "op", err)
	}
	if !valid {
		return false
	}
	compiled.target, compiled.operator = target, operator
	if err := c.replyValue(compiled); err != nil {
		return c.addValueProblem(at, target, err)
	}
	return true
}

// replyTarget returns the attribute that a reply item sets.
func replyTarget(d *dictionary.Dictionary, text string) (reference, error) {
	if prefix, _, found := strings.Cut(text, ":"); found {
		if _, known := lists[strings.ToLower(prefix)]; known {
			return reference{}, fmt.Errorf("%q names a list: leave it out, since reply attributes always go to the reply", prefix+":")
		}
	}
	target, err := resolve(d, text)
	if err != nil {
		return reference{}, err
	}
	target.key.list = replyList
	return target, settable(target.attribute)
}

func (c *compiler) replyValue(compiled *replyItem) error {
	t, err := c.template(compiled.item.Value)
	if err != nil {
		return err
	}
	if t.secret() {
		return errors.New("expands a secret, which may be compared, but not sent back")
	}
	text, plain := t.text()
	if !plain {
		compiled.template = t
		return nil
	}
	compiled.value, err = parseReply(compiled.target.attribute, text)
	return err
}

// parseReply returns the octets of a reply attribute's value, which is never empty (RFC
// 2865 section 5).
func parseReply(attribute *dictionary.Attribute, text string) ([]byte, error) {
	if text == "" {
		return nil, errors.New("is empty: set a value, or leave the attribute out")
	}
	return parseValue(attribute, text)
}

// reservedNames, and names that begin with reservedPrefixes, are attributes that
// the protocol itself fills in.
var (
	reservedNames = []string{
		"auth-type", "eap-message", "message-authenticator", "ms-mppe-recv-key", "ms-mppe-send-key",
		"proxy-state", "state",
	}
	reservedPrefixes = []string{"chap-", "ms-chap"}
)

// settable returns an error for an attribute that must not be put into a reply.
func settable(attribute *dictionary.Attribute) error {
	name := strings.ToLower(attribute.Name)
	begins := func(prefix string) bool { return strings.HasPrefix(name, prefix) }
	switch {
	case attribute.Internal:
		return fmt.Errorf("%s stays within a server and is never sent: it cannot be a reply attribute", attribute.Name)
	case strings.HasSuffix(name, "-password") && name != "tunnel-password":
		return fmt.Errorf("%s is a password, which no reply may carry: only Tunnel-Password can be set", attribute.Name)
	case slices.Contains(reservedNames, name), slices.ContainsFunc(reservedPrefixes, begins):
		return fmt.Errorf("%s is made by the server for each answer: it cannot be set", attribute.Name)
	case holdsAttributes(attribute.Type):
		return fmt.Errorf("%s only holds other attributes: set those", attribute.Name)
	}
	return nil
}
