package radclient

import (
	"errors"
	"strings"
	"time"
	"unicode"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2869"
)

// The time that a user has to answer a challenge.
const (
	defaultAnswerTime = 120 * time.Second
	minAnswerTime     = 10 * time.Second
	maxAnswerTime     = 600 * time.Second
)

// Step holds what an Access-Challenge asks for (RFC 2865 section 4.4).
type Step struct {
	// State goes back with the answer, octet by octet; nil if the server sent
	// none. It may be valid elsewhere too, so the user must not see it.
	State   []byte
	Message string        // for the user
	Echo    bool          // whether the answer may be shown as it is typed
	Time    time.Duration // to answer, 10 s to 10 min
}

// Step reads a challenge. A challenge with more than one State breaks RFC 2865
// section 5.44 and cannot be answered.
func (v Verdict) Step() (Step, error) {
	step := Step{
		Message: replyMessage(v.Attributes),
		Echo:    integer(v.Attributes, rfc2869.Prompt_Type) == 1,
		Time:    defaultAnswerTime,
	}
	if seconds := integer(v.Attributes, rfc2865.SessionTimeout_Type); seconds > 0 {
		step.Time = max(minAnswerTime, min(maxAnswerTime, time.Duration(seconds)*time.Second))
	}
	for _, attribute := range v.Attributes {
		if attribute.Type != rfc2865.State_Type {
			continue
		}
		if step.State != nil {
			return Step{}, errors.New("the Access-Challenge has more than one State (RFC 2865 section 5.44)")
		}
		step.State = attribute.Attribute
	}
	return step, nil
}

// replyMessage joins the texts of an answer, in their order, without control
// characters. A full attribute goes on in the next one; others are lines.
func replyMessage(attributes radius.Attributes) string {
	var text strings.Builder
	for _, attribute := range attributes {
		if attribute.Type != rfc2865.ReplyMessage_Type {
			continue
		}
		text.Write(attribute.Attribute)
		if len(attribute.Attribute) < MaxValueLen {
			text.WriteByte('\n')
		}
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(strings.TrimRight(text.String(), "\n"), "\uFFFD"))
}
