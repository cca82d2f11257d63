package source

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode"
	"unicode/utf8"

	"vault-plugin-auth-radius/internal/validate"
)

// PasscodeUnasked is what becomes of a login with a code that its source does not ask for.
type PasscodeUnasked string

// What becomes of it.
const (
	PasscodeRefuse PasscodeUnasked = "refuse"
	PasscodeIgnore PasscodeUnasked = "ignore"
)

// PasscodesUnasked are the values of passcode_unasked.
var PasscodesUnasked = []PasscodeUnasked{PasscodeRefuse, PasscodeIgnore}

// DefaultPasscodePattern matches the codes of most tokens: 4 to 10 digits, or the 32 to 48
// letters that a YubiKey types.
const DefaultPasscodePattern = "[0-9]{4,10}|[A-Za-z]{32,48}" // #nosec G101 -- what codes look like

// maxPasscodePattern is the longest pattern in octets.
const maxPasscodePattern = 256

var errPatternLength = fmt.Errorf("it must have 1 to %d octets", maxPasscodePattern)

// PasscodeSettings say how a login has a code for the challenge of its source.
type PasscodeSettings struct {
	// PasscodeSeparator is what stands between a password and the code that is typed after it;
	// empty: no password has a code.
	PasscodeSeparator string `json:"passcode_separator"`
	// PasscodePattern is a regular expression (RE2) that a whole code matches.
	PasscodePattern string          `json:"passcode_pattern"`
	PasscodeUnasked PasscodeUnasked `json:"passcode_unasked"`
}

// DefaultPasscodeSettings returns the settings before anything is set.
func DefaultPasscodeSettings() PasscodeSettings {
	return PasscodeSettings{PasscodePattern: DefaultPasscodePattern, PasscodeUnasked: PasscodeRefuse}
}

// Split returns the password and the code of what was typed as the password: the code is what
// follows the last separator, if it looks like one; else all is the password, and code is "".
func (p *PasscodeSettings) Split(typed string) (password, code string) {
	if p.PasscodeSeparator == "" {
		return typed, ""
	}
	at := strings.LastIndex(typed, p.PasscodeSeparator)
	if at <= 0 {
		return typed, ""
	}
	code = typed[at+len(p.PasscodeSeparator):]
	if code == "" || len(code) > maxPasscode {
		return typed, ""
	}
	pattern, err := p.compile()
	if err != nil || !pattern.MatchString(code) {
		return typed, ""
	}
	return typed[:at], code
}

// maxPasscode is the longest code in octets: more than a User-Password holds.
const maxPasscode = 128

// defaultPasscode is the pattern that nearly all mounts have, compiled once.
var defaultPasscode = regexp.MustCompile(whole(DefaultPasscodePattern))

// whole returns a pattern that matches no part of a text.
func whole(pattern string) string { return `\A(?:` + pattern + `)\z` }

func (p *PasscodeSettings) compile() (*regexp.Regexp, error) {
	if p.PasscodePattern == DefaultPasscodePattern {
		return defaultPasscode, nil
	}
	if p.PasscodePattern == "" || len(p.PasscodePattern) > maxPasscodePattern {
		return nil, errPatternLength
	}
	if _, err := syntax.Parse(p.PasscodePattern, syntax.Perl); err != nil { // "a)|(?:b" is whole with what whole adds
		return nil, err
	}
	return regexp.Compile(whole(p.PasscodePattern))
}

// problems returns what is wrong with the settings, each beginning with its field.
func (p *PasscodeSettings) problems() []string {
	var found []string
	if p.PasscodeSeparator != "" && !isSeparator(p.PasscodeSeparator) {
		found = append(found, "`passcode_separator` must be 1 to 4 printable characters that are no letters or digits")
	}
	switch _, err := p.compile(); {
	case err != nil:
		found = append(found, "`passcode_pattern`: "+err.Error())
	case p.PasscodeSeparator == "" && p.PasscodePattern != DefaultPasscodePattern:
		found = append(found, "`passcode_pattern` has no effect without `passcode_separator`: set that, "+
			"or the pattern to its default, "+DefaultPasscodePattern)
	}
	if problem := validate.CheckEnum("passcode_unasked", p.PasscodeUnasked, PasscodesUnasked); problem != "" {
		found = append(found, problem)
	}
	return found
}

func isSeparator(text string) bool {
	isOther := func(r rune) bool {
		return !unicode.IsGraphic(r) || unicode.IsLetter(r) || unicode.IsDigit(r) || r == utf8.RuneError
	}
	return utf8.RuneCountInString(text) <= 4 && !strings.ContainsFunc(text, isOther)
}
