package profile

import (
	"errors"
	"fmt"
	"iter"
)

// maxExpanded is the longest text, in octets, that a template expands to: no
// RADIUS packet could hold more.
const maxExpanded = 4096

var errTooLong = fmt.Errorf("expands to more than %d octets", maxExpanded)

// template is a value with expansions, in order.
type template []part

// part is a piece of a template: literal text, or one expansion.
type part struct {
	kind    partKind
	literal string

	reference reference // of an attribute
	instance  int       // from 0
	group     int       // of a group
	missing   error     // what expand returns if there is no value

	first    *part    // of a choice: an expansion
	fallback template // if first has no value
}

type partKind uint8

const (
	literalPart partKind = iota
	attributePart
	groupPart
	choicePart
)

// source is what expansions take values from.
type source interface {
	instances(reference) []entry
	captured(group int) []byte // nil if there is none
}

// expand returns a text with that of the template appended. Each attribute is put in once: what
// looks like an expansion in its value stays text. An attribute that is absent
// or empty, without a default, is an error.
func (t template) expand(text []byte, from source) ([]byte, error) {
	for i := range t {
		var err error
		if text, err = t[i].expand(text, from); err != nil {
			return text, err
		}
		if len(text) > maxExpanded {
			return text, errTooLong
		}
	}
	return text, nil
}

func (p *part) expand(text []byte, from source) ([]byte, error) {
	switch p.kind {
	case attributePart:
		return p.append(text, nth(from.instances(p.reference), p.reference.tag, p.instance))
	case groupPart:
		return p.append(text, from.captured(p.group))
	case choicePart:
		before := len(text)
		text, err := p.first.expand(text, from)
		if err == nil || errors.Is(err, errTooLong) {
			return text, err
		}
		return p.fallback.expand(text[:before], from)
	}
	return append(text, p.literal...), nil
}

func (p *part) append(text, value []byte) ([]byte, error) {
	if len(value) == 0 {
		return text, p.missing
	}
	return append(text, value...), nil
}

// nth returns the text of the instance with that index among those with the tag.
func nth(instances []entry, tag uint8, index int) []byte {
	for i := range instances {
		if !instances[i].hasTag(tag) {
			continue
		}
		if index == 0 {
			return instances[i].textOf()
		}
		index--
	}
	return nil
}

// expansions yields every expansion of an attribute or a group, inner ones too.
func (t template) expansions() iter.Seq[*part] {
	return func(yield func(*part) bool) { t.each(yield) }
}

func (t template) each(yield func(*part) bool) bool {
	for i := range t {
		if !t[i].each(yield) {
			return false
		}
	}
	return true
}

func (p *part) each(yield func(*part) bool) bool {
	switch p.kind {
	case attributePart, groupPart:
		return yield(p)
	case choicePart:
		return p.first.each(yield) && p.fallback.each(yield)
	}
	return true
}

// secret reports whether a secret may be expanded into the text.
func (t template) secret() bool {
	for p := range t.expansions() {
		if p.reference.secret {
			return true
		}
	}
	return false
}

// text returns the text of a template without expansions; ok is false if it has any.
func (t template) text() (text string, ok bool) {
	for _, p := range t {
		if p.kind != literalPart {
			return "", false
		}
		text += p.literal
	}
	return text, true
}
