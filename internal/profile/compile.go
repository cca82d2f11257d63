package profile

import (
	"fmt"

	"vault-plugin-auth-radius/internal/dictionary"
)

// Profile is a compiled definition. It does not change and may be used by
// several goroutines.
type Profile struct {
	check []checkItem
	reply []replyItem
}

// compiler is the state of one compilation.
type compiler struct {
	dictionary *dictionary.Dictionary
	problems   Problems

	stored      bool     // the definition is one that an earlier version may have stored
	ineffective Problems // items that are let through although they have no effect

	// lastPattern is the check item whose groups %{0}, %{1}, … mean: since all
	// items must hold, that is known before any login.
	lastPattern *checkItem
	patterns    int // sizes so far
}

// Compile returns the profile of a definition. The error is [Problems].
func Compile(d *dictionary.Dictionary, definition Definition) (*Profile, error) {
	c := &compiler{dictionary: d}
	return c.compile(definition)
}

// CompileStored does as Compile, for a definition that is stored. Earlier versions took
// items that have no effect; of those it lets Simultaneous-Use and expansions that have
// no value through, and returns the former.
func CompileStored(d *dictionary.Dictionary, definition Definition) (*Profile, Problems, error) {
	c := &compiler{dictionary: d, stored: true}
	profile, err := c.compile(definition)
	return profile, c.ineffective, err
}

func (c *compiler) compile(definition Definition) (*Profile, error) {
	profile := &Profile{check: c.checkItems(definition.Check), reply: c.replyItems(definition.Reply)}
	if len(c.problems) > 0 {
		return nil, c.problems
	}
	return profile, nil
}

// withinLimit reports whether a list is short enough to look at its items at all.
func (c *compiler) withinLimit(list string, items []Item) bool {
	if len(items) <= MaxItems {
		return true
	}
	c.problems = append(c.problems, Problem{list, fmt.Sprintf("has %d items, and %d are the most: split the profile", len(items), MaxItems)})
	return false
}

// tooManyProblems reports whether to stop looking for more.
func (c *compiler) tooManyProblems(list string) bool {
	if len(c.problems) < maxProblems {
		return false
	}
	if len(c.problems) == maxProblems {
		c.problems = append(c.problems, Problem{list, "there may be more problems: these are the first"})
	}
	return true
}

// addProblem adds a problem with a part of an item. It returns false: the item is not valid.
func (c *compiler) addProblem(at place, part string, err error) bool {
	c.problems = append(c.problems, Problem{at.field(part), err.Error()})
	return false
}

// addValueProblem does as addProblem, for values, which errors may quote.
func (c *compiler) addValueProblem(at place, target reference, err error) bool {
	if target.secret {
		err = fmt.Errorf("is not a valid value or expansion for %s; it is not shown, as it is secret (write %%%% for a percent sign)", target)
	}
	return c.addProblem(at, "value", err)
}

// lengthsFit reports whether an item keeps the limits of all items, and adds a problem
// for each that it does not.
func (c *compiler) lengthsFit(at place, item Item) bool {
	fit := true
	if n := len(item.Attribute); n > MaxAttributeLength {
		fit = c.addProblem(at, "attribute", fmt.Errorf("has %d octets, and %d are the most", n, MaxAttributeLength))
	}
	if n := len(item.Value); n > MaxValueLength {
		fit = c.addProblem(at, "value", fmt.Errorf("has %d octets, and %d are the most", n, MaxValueLength))
	}
	return fit
}

// template returns the template of a value, and marks the pattern whose groups it uses.
func (c *compiler) template(value string) (template, error) {
	t, err := parseTemplate(value, c.expanded)
	if err != nil {
		return nil, err
	}
	for p := range t.expansions() {
		if p.kind != groupPart {
			continue
		}
		if c.lastPattern == nil || c.lastPattern.pattern.groups < p.group {
			return nil, fmt.Errorf("%%{%d} is a group of the last pattern before it, and there is no such group: "+
				"add parentheses to the pattern", p.group)
		}
		c.lastPattern.captures = true
		p.reference.secret = c.lastPattern.secret
	}
	return t, nil
}

// expanded returns the attribute of an expansion. Logins must be able to have a value of it.
func (c *compiler) expanded(name string) (reference, error) {
	r, err := resolve(c.dictionary, name)
	if err == nil && !c.stored && r.internalNumber() != 0 && !c.sentByFreeRADIUS(r.attribute) {
		return reference{}, fmt.Errorf("%s never has a value: no request has it", r.attribute.Name)
	}
	return r, err
}

// countedPattern returns the pattern of a value, within the limit of all patterns of a
// profile.
func (c *compiler) countedPattern(t template) (*pattern, error) {
	p, err := newPattern(t)
	if err != nil {
		return nil, err
	}
	c.patterns += p.size
	if c.patterns > maxPatternSizes {
		return nil, fmt.Errorf("the patterns of this profile are too large together: "+
			"%d characters when repetitions are written out, %d are allowed", c.patterns, maxPatternSizes)
	}
	return p, nil
}
