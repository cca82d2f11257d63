package attempts

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"vault-plugin-auth-radius/internal/decision"
)

// maxAccepted is how many accepted names are remembered.
const maxAccepted = 2048

// names are what masks names, and which of those that are not registered were accepted. A name
// that never was may be a password, typed into the wrong field.
type names struct {
	key []byte // new with each start, so that nobody can try passwords against a hash

	// The latest accepted names by their hashes; guarded by the lock of the log.
	accepted map[uint64]struct{}
	order    []uint64
	oldest   int // in order, once that is full
}

func newNames() *names {
	n := &names{key: make([]byte, sha256.Size)}
	_, _ = rand.Read(n.key) // never fails
	n.forget()
	return n
}

// hash returns what stands for a name.
func (n *names) hash(name string) uint64 {
	mac := hmac.New(sha256.New, n.key)
	mac.Write([]byte(name))
	return binary.BigEndian.Uint64(mac.Sum(nil))
}

// accept remembers a name, and forgets the one that was remembered first if there are too many.
func (n *names) accept(hash uint64) {
	if _, known := n.accepted[hash]; known {
		return
	}
	if len(n.order) < maxAccepted {
		n.order = append(n.order, hash)
	} else {
		delete(n.accepted, n.order[n.oldest])
		n.order[n.oldest] = hash
		n.oldest = (n.oldest + 1) % maxAccepted
	}
	n.accepted[hash] = struct{}{}
}

// shows reports whether the name of an entry is shown.
func (n *names) shows(e *entry) bool {
	_, accepted := n.accepted[e.nameHash]
	return e.Registered || e.Username == "" || e.Outcome == decision.Accepted || accepted
}

func (n *names) forget() { n.accepted, n.order, n.oldest = map[uint64]struct{}{}, nil, 0 }

// masked returns what is shown instead of a name: its first two characters, or one less than it
// has, and 40 bits of its hash.
func masked(name string, hash uint64) string {
	shown := []rune(name)
	shown = shown[:min(2, len(shown)-1)]
	return fmt.Sprintf("%s%s#%010x", string(shown), ellipsis, hash>>24)
}

const (
	// enoughOfName is how many first characters of a name are replaced in a reason although the
	// rest does not follow: the reason has cut it.
	enoughOfName = 16
	// shortName is the longest name that is replaced as a word only, and not inside of words.
	shortName = 2
)

// tellingClasses are those of reasons that tell of a registered name like the one that is masked.
var tellingClasses = []decision.Class{decision.Spelling, decision.Disabled, decision.Expired}

// maskedReason returns the reason of a decision with the mask where the name was: as it is, as %q
// writes it, and, in words that may be a server's, in any case and without its realm. Reasons that
// tell of a registered name like this one go on telling that.
func maskedReason(d *decision.Decision, mask string) string {
	quoted := strconv.Quote(d.Username)
	forms := []string{d.Username, quoted[1 : len(quoted)-1]}
	fold, enough := func(r rune) rune { return r }, len(d.Reason)+1
	if !slices.Contains(tellingClasses, d.Class) {
		fold, enough = func(r rune) rune { return unicode.ToLower(unicode.ToUpper(r)) }, enoughOfName
		for _, part := range strings.FieldsFunc(d.Username, func(r rune) bool { return strings.ContainsRune(`@\/`, r) }) {
			if utf8.RuneCountInString(part) > shortName {
				forms = append(forms, part)
			}
		}
	}
	reason := []rune(d.Reason)
	var out []rune
	for at := 0; at < len(reason); {
		length := 0
		for _, form := range forms {
			length = max(length, lengthOfName(reason, at, []rune(form), fold, enough))
		}
		if length == 0 {
			out = append(out, reason[at])
			at++
			continue
		}
		out = append(out, []rune(mask)...)
		at += length
	}
	return string(out)
}

// lengthOfName returns how many characters of the reason, from the place on, are the name, or
// enough of its beginning, or all of that before the reason was cut; 0 if they are not. Characters
// may be escaped, as directories write them.
func lengthOfName(reason []rune, at int, name []rune, fold func(rune) rune, enough int) int {
	length, end := 0, at
	for length < len(name) && end < len(reason) {
		width := 1
		if fold(reason[end]) != fold(name[length]) {
			if width = lengthOfEscape(reason[end:], name[length], fold); width == 0 {
				break
			}
		}
		length, end = length+1, end+width
	}
	whole := length == len(name)
	inWord := at > 0 && isWord(reason[at-1]) || end < len(reason) && isWord(reason[end])
	wasCut := end == len(reason)-1 && string(reason[end]) == ellipsis
	switch {
	case whole && (len(name) > shortName || !inWord), length >= enough, wasCut && length > shortName:
		return end - at
	}
	return 0
}

// lengthOfEscape returns how many characters the text begins with that are the character, escaped
// as in DNs (RFC 4514 section 2.4) or filters (RFC 4515 section 3), also within a quoted text,
// which escapes what is escaped once more; 0 if it begins otherwise.
func lengthOfEscape(text []rune, character rune, fold func(rune) rune) int {
	at := backslashes(text)
	if at == 0 {
		return 0
	}
	if at < len(text) && fold(text[at]) == fold(character) {
		return at + 1
	}
	at = 0
	for _, octet := range []byte(string(character)) {
		digits := at + backslashes(text[at:])
		if digits == at || digits+2 > len(text) || !strings.EqualFold(string(text[digits:digits+2]), fmt.Sprintf("%02x", octet)) {
			return 0
		}
		at = digits + 2
	}
	return at
}

// backslashes returns how many backslashes the text begins with, four at most: a quoted text has
// so many for one that is escaped.
func backslashes(text []rune) int {
	count := 0
	for count < min(4, len(text)) && text[count] == '\\' {
		count++
	}
	return count
}

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
