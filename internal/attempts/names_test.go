package attempts

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/decision"
)

func shownAs(l *Log, name string) Attempt {
	return l.List(Query{Limit: 1, Names: []string{name}}).Attempts[0]
}

func TestNamesThatMayBePasswordsAreMasked(t *testing.T) {
	t.Parallel()
	l := New(Most)
	for name, mask := range map[string]string{
		"correct-horse": "co…#",
		"日本語":           "日本…#",
		"abc":           "ab…#",
		"ab":            "a…#",
		"é":             "…#",
		"…#0123456789":  "…#…#",
	} {
		l.Add(refused(name, 0))
		shown := shownAs(l, name).Username
		require.Regexp(t, "^"+regexp.QuoteMeta(mask)+"[0-9a-f]{10}$", shown)
		l.Add(refused(name, 100))
		require.Equal(t, shown, shownAs(l, name).Username, "the same until the restart")
		require.Equal(t, name, l.List(Query{Limit: 1, Names: []string{name}, Whole: true}).Attempts[0].Username)
		other := New(1)
		other.Add(refused(name, 0))
		require.NotEqual(t, shown, shownAs(other, name).Username, "another key after a restart")
	}
	for _, outcome := range []decision.Outcome{decision.Challenged, decision.Unanswered, decision.Invalid} {
		d := refused("passw0rd", 0)
		d.Outcome = outcome
		l.Add(d)
		require.Contains(t, shownAs(l, "passw0rd").Username, "pa…#", outcome)
	}
	l.Add(refused("", 0))
	require.Empty(t, shownAs(l, "").Username)
}

func TestNamesThatAreRegisteredOrWereAcceptedAreShown(t *testing.T) {
	t.Parallel()
	l := New(Most)
	l.Add(registered("alice", 0))
	require.Equal(t, "alice", shownAs(l, "alice").Username)

	l.Add(refused("guest", 0)) // a wrong password
	require.NotEqual(t, "guest", shownAs(l, "guest").Username)
	accepted := refused("guest", 1)
	accepted.Outcome, accepted.Class, accepted.Reason = decision.Accepted, decision.None, ""
	l.Add(accepted)
	l.Add(refused("guest", 100))
	for _, found := range l.List(Query{Limit: 9, Names: []string{"guest"}}).Attempts {
		require.Equal(t, "guest", found.Username)
	}
	for n := range maxAccepted {
		accepted.Username = fmt.Sprint("other", n)
		l.Add(accepted)
	}
	l.Add(refused("guest", 200))
	require.NotEqual(t, "guest", shownAs(l, "guest").Username, "2,048 names were accepted since")
	require.Len(t, l.names.accepted, maxAccepted)
}

func TestReasonsDoNotShowMaskedNames(t *testing.T) {
	t.Parallel()
	for reason, test := range map[string]struct {
		name  string
		class decision.Class
		want  string
	}{
		"registered as alice: type it like that, or register Alice if it is another": {
			"Alice", decision.Spelling, "registered as alice: type it like that, or register MASK if it is another",
		},
		"the user is disabled, as alice":                         {"alice@corp", decision.Disabled, "the user is disabled, as alice"},
		`no entry for "pass\"w0rd" in the directory`:             {`pass"w0rd`, decision.Rejected, `no entry for "MASK" in the directory`},
		"user PASSW0RD is unknown (passw0rd)":                    {"Passw0rd", decision.Rejected, "user MASK is unknown (MASK)"},
		"uid=passw0rd,ou=people does not exist":                  {"passw0rd@corp.example", decision.Rejected, "uid=MASK,ou=people does not exist"},
		`CORP\passw0rd: unknown`:                                 {`CORP\passw0rd`, decision.Rejected, "MASK: unknown"},
		"no such user a; a password is needed":                   {"a", decision.Rejected, "no such user MASK; MASK password is needed"},
		"a very long name begins with correct-horse-battery-sta": {"correct-horse-battery-staple", decision.Rejected, "a very long name begins with MASK"},
		strings.Repeat("x ", 153) + "correct-horse and the rest": {"correct-horse", decision.Rejected, strings.Repeat("x ", 153) + "MASK…"},
	} {
		l := New(1)
		d := refused(test.name, 0)
		d.Reason, d.Class = reason, test.class
		l.Add(d)
		found := shownAs(l, test.name)
		require.Equal(t, test.want, strings.ReplaceAll(found.Reason, found.Username, "MASK"))
		whole := l.List(Query{Limit: 1, Whole: true}).Attempts[0]
		require.Equal(t, keptReason(reason), whole.Reason, "with the names, nothing is masked")
	}
}

func TestNamesThatAreTooLongAreNotInReasonsEither(t *testing.T) {
	t.Parallel()
	l := New(1)
	d := refused(strings.Repeat("Q", 300), 0)
	d.Reason, d.Class = "register "+d.Username, decision.Spelling
	l.Add(d)
	require.NotContains(t, l.List(Query{Limit: 1}).Attempts[0].Reason, "QQQ")
}

// Of a name that is masked, no more than its first two characters are anywhere.
func TestNothingShowsMoreOfAMaskedName(t *testing.T) {
	t.Parallel()
	const letters = `QXZJKVWÄÖ日本"'\@+&<>%`
	random := rand.New(rand.NewPCG(3, 4))
	reasons := []string{
		"registered as %[2]s: type it like that, or register %[1]s if it is another", "%[1]q is unknown", "[%[1]s]: %[1]s",
		strings.Repeat(". ", 150) + "%[1]s %[1]s",
	}
	for n := range 2000 {
		name := make([]rune, 3+random.IntN(40))
		for i := range name {
			name[i] = []rune(letters)[random.IntN(len([]rune(letters)))]
		}
		d := refused(string(name), n)
		d.Class = decision.Classes[random.IntN(len(decision.Classes))]
		d.Outcome = []decision.Outcome{
			decision.Refused, decision.Challenged, decision.Unanswered, decision.Invalid,
		}[random.IntN(4)]
		d.Reason = fmt.Sprintf(reasons[random.IntN(len(reasons))], d.Username, "alice")
		l := New(1)
		l.Add(d)
		found := l.List(Query{Limit: 1}).Attempts[0]
		for i := range len(name) - 2 {
			part := string(name[i : i+3])
			quoted := strconv.Quote(part)
			for _, text := range []string{found.Username, found.Reason} {
				require.NotContains(t, text, part, d.Username)
				require.NotContains(t, text, quoted[1:len(quoted)-1], d.Username)
			}
		}
	}
}
