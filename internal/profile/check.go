package profile

import "fmt"

// checkItem is a compiled check item.
type checkItem struct {
	item    Item // as written, for explanations
	target  reference
	test    test
	accepts order
	secret  bool // the compared values are not shown

	operand  operand  // of compares, unless there is a template
	template template // the operand's text, if it has expansions
	pattern  *pattern // of matches and differs
	captures bool     // later values use the pattern's groups

	clock clock // decides, unless it is nil
	limit bool  // if all else holds and this does not, the login is refused
}

func (c *compiler) checkItems(items []Item) []checkItem {
	if !c.withinLimit(checkField, items) {
		return nil
	}
	compiled := make([]checkItem, len(items)) // whole, as lastPattern points into it
	for i, item := range items {
		if c.tooManyProblems(checkField) {
			break
		}
		compiled[i].item = item
		if c.checkItem(place{checkField, i}, &compiled[i]) && compiled[i].test == matches {
			c.lastPattern = &compiled[i]
		}
	}
	return compiled
}

func (c *compiler) checkItem(at place, compiled *checkItem) bool {
	valid := c.lengthsFit(at, compiled.item)
	target, err := resolve(c.dictionary, compiled.item.Attribute)
	if err != nil {
		valid = c.addProblem(at, "attribute", err)
	}
	operator, err := checkOperatorOf(compiled.item)
	if err != nil {
		valid = c.addProblem(at, "op", err)
	}
	if !valid {
		return false
	}
	compiled.target, compiled.secret = target, target.secret
	compiled.test, compiled.accepts = operator.test, operator.accepts
	if done, valid := c.internalItem(at, compiled, operator); done || !valid {
		return valid
	}
	if err := operator.suits(target); err != nil {
		return c.addProblem(at, "op", err)
	}
	if err := c.checkValue(compiled); err != nil {
		return c.addValueProblem(at, target, err)
	}
	return true
}

// suits returns an error unless the operator makes sense for the attribute.
func (o checkOperator) suits(target reference) error {
	if o.test == assigns {
		return fmt.Errorf("has no effect here with %s: use == to compare", target)
	}
	if target.attribute != nil && holdsAttributes(target.attribute.Type) && o.test != present && o.test != absent {
		return fmt.Errorf("compares, but %s only holds other attributes: compare those, or ask for its presence with =* ANY", target)
	}
	return nil
}

// checkValue compiles the right side.
func (c *compiler) checkValue(compiled *checkItem) error {
	if compiled.test == present || compiled.test == absent {
		return nil
	}
	t, err := c.template(compiled.item.Value)
	if err != nil {
		return err
	}
	compiled.secret = compiled.secret || t.secret()
	if compiled.test == matches || compiled.test == differs {
		compiled.pattern, err = c.countedPattern(t)
		return err
	}
	text, plain := t.text()
	if !plain {
		compiled.template = t
		return nil
	}
	compiled.operand, err = parseOperand(compiled.target.attribute, compiled.accepts, text)
	return err
}
