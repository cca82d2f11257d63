package profile

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
)

// maxPatternSize is how many characters, classes and alternatives a pattern may
// have when its counted repetitions are written out, and maxPatternSizes the sum
// of those in a profile. A match takes time in proportion to it.
const (
	maxPatternSize  = 1000
	maxPatternSizes = 20_000
)

// pattern is a regular expression (RE2), with or without expansions.
type pattern struct {
	compiled *regexp.Regexp // nil if the template has expansions
	template template
	groups   int // groups in parentheses
	size     int
}

// newPattern returns a pattern that is compiled, or was checked, if expansions complete it.
func newPattern(t template) (*pattern, error) {
	if text, plain := t.text(); plain {
		compiled, size, err := compilePattern(text)
		if err != nil {
			return nil, err
		}
		return &pattern{compiled: compiled, groups: compiled.NumSubexp(), size: size}, nil
	}
	var text strings.Builder
	for i, p := range t {
		if p.kind == literalPart {
			text.WriteString(p.literal)
		} else {
			fmt.Fprintf(&text, "(?:%s)", string(placeholder(i)))
		}
	}
	compiled, size, err := compilePattern(text.String())
	if err != nil {
		return nil, err
	}
	if err := expandsLiterally(t, text.String()); err != nil {
		return nil, err
	}
	return &pattern{template: t, groups: compiled.NumSubexp(), size: size}, nil
}

// placeholder returns the characters that stand for the text of an expansion. Two
// characters, since one may become part of a class; private ones, since they
// have no meaning in a pattern and no other case.
func placeholder(part int) []rune {
	first := '\U000F0000' + 2*rune(part) // #nosec G115 -- a value has at most 253 parts
	return []rune{first, first + 1}
}

// expandsLiterally returns an error for patterns in which the text of an expansion would be
// more than text: within a class, a - in it would become a range.
func expandsLiterally(t template, text string) error {
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return err
	}
	for i, p := range t {
		if p.kind != literalPart && (!hasLiteral(parsed, placeholder(i)) || strings.Contains(text, `\Q`)) {
			return errors.New(`an expansion cannot stand within [] or \Q: put it outside`)
		}
	}
	return nil
}

func hasLiteral(parsed *syntax.Regexp, runes []rune) bool {
	if parsed.Op == syntax.OpLiteral && strings.Contains(string(parsed.Rune), string(runes)) {
		return true
	}
	return slices.ContainsFunc(parsed.Sub, func(sub *syntax.Regexp) bool { return hasLiteral(sub, runes) })
}

// complete returns the pattern to match with: expansions stand for themselves,
// never for a pattern.
func (p *pattern) complete(from source) (*regexp.Regexp, error) {
	if p.compiled != nil {
		return p.compiled, nil
	}
	var text []byte
	for i := range p.template {
		expanded, err := p.template[i].expand(nil, from)
		switch {
		case err != nil:
			return nil, err
		case p.template[i].kind == literalPart:
			text = append(text, expanded...)
		default:
			text = append(text, "(?:"+regexp.QuoteMeta(string(expanded))+")"...)
		}
		if len(text) > maxExpanded {
			return nil, errTooLong
		}
	}
	compiled, _, err := compilePattern(string(text))
	return compiled, err
}

// compilePattern returns a compiled pattern and its size. The error does not show the
// whole pattern.
func compilePattern(text string) (*regexp.Regexp, int, error) {
	if text == "" {
		return nil, 0, errors.New("the pattern is empty and would match everything: use =* ANY to ask for presence")
	}
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, 0, explainSyntax(err)
	}
	size := sizeOf(parsed)
	if size > maxPatternSize {
		return nil, 0, fmt.Errorf("the pattern is too large: %d characters when repetitions are written out, %d are allowed",
			size, maxPatternSize)
	}
	compiled, err := regexp.Compile(text)
	if err != nil {
		return nil, 0, explainSyntax(err)
	}
	return compiled, size, nil
}

// sizeOf returns about the number of states that a match goes through. Classes such
// as \pL have hundreds of ranges, which take memory. The parser has limited
// repetitions of repetitions to 1,000 in all, so the size cannot overflow.
func sizeOf(parsed *syntax.Regexp) int {
	switch parsed.Op {
	case syntax.OpLiteral:
		return len(parsed.Rune)
	case syntax.OpCharClass:
		return 1 + len(parsed.Rune)/16
	}
	size := 0
	for _, sub := range parsed.Sub {
		size += sizeOf(sub)
	}
	if parsed.Op == syntax.OpRepeat {
		size *= max(parsed.Min, parsed.Max)
	}
	return size + 1
}

// explainSyntax returns the error for a pattern that RE2 refuses: features that it lacks
// have their usual names.
func explainSyntax(err error) error {
	var problem *syntax.Error
	if !errors.As(err, &problem) {
		return fmt.Errorf("invalid pattern: %w", err)
	}
	starts := func(prefix string) bool { return strings.HasPrefix(problem.Expr, prefix) }
	switch {
	case problem.Code == syntax.ErrInvalidEscape && backReference(problem.Expr), problem.Expr == "(?P":
		return errors.New("invalid pattern: back-references are not supported: write the text out, or use two check attributes")
	case slices.ContainsFunc([]string{"(?=", "(?!", "(?<=", "(?<!"}, starts):
		return errors.New("invalid pattern: lookahead and lookbehind (lookaround) are not supported: " +
			"use two check attributes, with !~ for what must not match")
	case starts("(?>"):
		return errors.New("invalid pattern: atomic groups are not supported: use a plain group, since patterns here never backtrack")
	}
	return fmt.Errorf("invalid pattern: %s: %.40q; patterns are RE2", problem.Code, problem.Expr)
}

// backReference reports whether an escape that RE2 does not know is \1 to \9, \k or \g.
func backReference(escape string) bool {
	return len(escape) == 2 && strings.Contains("123456789kg", escape[1:])
}
