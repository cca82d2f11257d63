package profile

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// parser reads a template. Its depth is bounded by the length of values.
type parser struct {
	rest    string
	resolve func(name string) (reference, error)
}

// parseTemplate returns the template of a value: text, %% for a percent sign, and expansions.
func parseTemplate(value string, resolve func(name string) (reference, error)) (template, error) {
	p := &parser{rest: value, resolve: resolve}
	return p.template(false)
}

// template reads up to the end or, within an expansion, up to its brace, which
// it takes as well.
func (p *parser) template(inner bool) (template, error) {
	var t template
	stops := "%"
	if inner {
		stops = "%}"
	}
	for {
		at := strings.IndexAny(p.rest, stops)
		if at < 0 {
			if inner {
				return nil, errOpen
			}
			return t.withLiteral(p.rest), nil
		}
		t = t.withLiteral(p.rest[:at])
		p.rest = p.rest[at:]
		switch {
		case p.take("}"):
			return t, nil
		case p.take("%%"):
			t = t.withLiteral("%")
		case p.take("%{"):
			expansion, err := p.expansion()
			if err != nil {
				return nil, err
			}
			t = append(t, *expansion)
		default:
			return nil, errors.New("a single % means nothing: write %% for a percent sign, or %{Attribute}")
		}
	}
}

var errOpen = errors.New("an expansion is not closed: end it with }")

// expansion reads what follows %{, its brace included: a name or another
// expansion, and :- with a default.
func (p *parser) expansion() (*part, error) {
	first, err := p.subject()
	if err != nil {
		return nil, err
	}
	switch {
	case p.take("}"):
		return first, nil
	case p.take(":-"):
		fallback, err := p.template(true)
		if err != nil {
			return nil, err
		}
		return &part{kind: choicePart, first: first, fallback: fallback}, nil
	case p.rest == "":
		return nil, errOpen
	}
	return nil, fmt.Errorf("unexpected %.10q in an expansion: write %%{Attribute} or %%{Attribute:-default}", p.rest)
}

func (p *parser) subject() (*part, error) {
	if p.take("%{") {
		return p.expansion()
	}
	end := strings.IndexByte(p.rest, '}')
	if end < 0 {
		return nil, errOpen
	}
	if fallback := strings.Index(p.rest[:end], ":-"); fallback >= 0 {
		end = fallback
	}
	name := p.rest[:end]
	p.rest = p.rest[end:]
	if number, err := strconv.ParseUint(name, 10, 8); err == nil {
		return &part{kind: groupPart, group: int(number), missing: fmt.Errorf("the last pattern captured nothing for %%{%d}", number)}, nil
	}
	return p.attribute(name)
}

// attribute reads a name with, perhaps, the index of an instance.
func (p *parser) attribute(name string) (*part, error) {
	name, index, indexed := strings.Cut(name, "[")
	instance := uint64(0)
	if indexed {
		digits, closed := strings.CutSuffix(index, "]")
		var err error
		if instance, err = strconv.ParseUint(digits, 10, 8); err != nil || !closed {
			return nil, fmt.Errorf("instance [%.10s of %.64s: use a number from 0 to 255, such as %%{Class[1]}", index, name)
		}
	}
	r, err := p.resolve(name)
	if err != nil {
		return nil, fmt.Errorf("expansion %%{%.64s}: %w", name, err)
	}
	if r.key.list == clientList {
		return nil, fmt.Errorf("expansion %%{%s}: what a client says of itself cannot be expanded: compare it in a check attribute", name)
	}
	missing := fmt.Errorf("%s has no value to expand", r)
	if instance > 0 {
		missing = fmt.Errorf("%s[%d] has no value to expand", r, instance)
	}
	return &part{kind: attributePart, reference: r, instance: int(instance), missing: missing}, nil
}

// take skips a prefix, and reports whether it was there.
func (p *parser) take(prefix string) bool {
	rest, found := strings.CutPrefix(p.rest, prefix)
	p.rest = rest
	return found
}

// withLiteral returns the template with text added, to the last part if that is text.
func (t template) withLiteral(text string) template {
	if text == "" {
		return t
	}
	if last := len(t) - 1; last >= 0 && t[last].kind == literalPart {
		t[last].literal += text
		return t
	}
	return append(t, part{kind: literalPart, literal: text})
}
