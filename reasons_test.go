package radiusauth

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

// reasonCase has a login, or a renewal, refused for a reason of docs/operating.md.
type reasonCase struct {
	reasons []string // patterns of the document, which find the reason
	message string   // pattern that finds the message of the log line; empty: it has no row

	mount   func(t *testing.T) *testBackend    // nil: a mount in virtual time
	virtual func(t *testing.T, b *testBackend) // makes that mount ready
	before  func(t *testing.T, b *testBackend) // is called before each attempt; nil: nothing is
	attempt map[string]any                     // fields of the login; nil: those of alice
	decide  func(t *testing.T, b *testBackend) // nil: a login with these fields
	explain map[string]any                     // fields beside those of the login
	untold  string                             // why an explanation does not say so; empty: it does
	repeat  bool                               // another login may get there first
	unasked bool                               // an explanation knows it without asking, too
}

// reasonCases are all of them.
func reasonCases() []reasonCase {
	return slices.Concat(
		radiusReasons(), tlsReasons(), floodReasons(), refusalReasons(), freeradiusReasons(), challengeReasons(),
		directoryReasons(), configReasons(), renewalReasons(),
	)
}

// login is the attempt's data.
func (c reasonCase) login() map[string]any {
	data := map[string]any{fieldUsername: "alice", fieldPassword: "alice-password"}
	maps.Copy(data, c.attempt)
	return data
}

// decides has the mount decide. What it answers matters to other tests.
func (c reasonCase) decides(t *testing.T, b *testBackend) {
	if c.before != nil {
		c.before(t, b)
	}
	if c.decide != nil {
		c.decide(t, b)
		return
	}
	_, _ = b.do(logical.UpdateOperation, "login", c.login())
}

var reasonOfLine = regexp.MustCompile(` reason=("(?:[^"\\]|\\.)*"|\S*)`)

// reasonsInLog returns the reasons of decisions, and the lines that have them.
func reasonsInLog(log string) (reasons, lines []string) {
	for line := range strings.Lines(log) {
		if found := reasonOfLine.FindStringSubmatch(line); found != nil && strings.Contains(line, " use=") {
			reason := found[1]
			if unquoted, err := strconv.Unquote(reason); err == nil {
				reason = unquoted
			}
			reasons, lines = append(reasons, reason), append(lines, line)
		}
	}
	return reasons, lines
}

// attemptReasons returns the reasons of the attempts that are kept.
func (b *testBackend) attemptReasons() []string {
	b.t.Helper()
	var reasons []string
	list, _ := b.attemptsFor(nil)
	for _, attempt := range list {
		reasons = append(reasons, attempt["reason"].(string))
	}
	return reasons
}

// explainedReason returns the reason that an explanation has.
func (c reasonCase) explainedReason(t *testing.T, b *testBackend, ask bool) string {
	t.Helper()
	if c.before != nil {
		c.before(t, b)
	}
	data := c.login()
	data[fieldAsk] = ask
	maps.Copy(data, c.explain)
	if data[fieldPassword] == "" {
		delete(data, fieldPassword)
	}
	explained := b.explained(data)
	require.NotContains(t, []any{"accepted", "challenged"}, explained["verdict"], "%s", explained["reason"])
	return explained["reason"].(string)
}

// check finds the words of the reason in the log, in attempts and in an explanation.
func (c reasonCase) check(t *testing.T, b *testBackend) {
	t.Helper()
	from, found := len(b.log.String()), func(texts []string) bool {
		for _, pattern := range c.reasons {
			if !slices.ContainsFunc(texts, findsIn(pattern)) {
				return false
			}
		}
		return true
	}
	tries := 1
	if c.repeat {
		tries = 10_000
	}
	for range tries {
		if c.decides(t, b); found(b.attemptReasons()) {
			break
		}
	}
	log := b.log.String()[from:]
	reasons, lines := reasonsInLog(log)
	require.True(t, found(reasons), "the log has %q, and not %q", reasons, c.reasons)
	if c.message != "" {
		require.True(t, slices.ContainsFunc(lines, findsIn(c.message)), log)
	}
	require.True(t, found(b.attemptReasons()), "attempts have %q, and not %q", b.attemptReasons(), c.reasons)
	if c.untold != "" {
		return
	}
	for _, ask := range []bool{true, false} {
		if !ask && !c.unasked {
			continue
		}
		reason := ""
		for range tries {
			if reason = c.explainedReason(t, b, ask); found([]string{reason}) {
				break
			}
		}
		require.True(t, found([]string{reason}), "explain (ask=%v) has %q, and not %q", ask, reason, c.reasons)
		if c.unasked { // no server's name, port or time is in it
			require.Contains(t, reasons, reason, "the very same text")
		}
	}
}

// Each reason of docs/operating.md has the same words in the log, in attempts and in explain.
func TestReasonsHaveTheSameWordsEverywhere(t *testing.T) {
	t.Parallel()
	for _, test := range reasonCases() {
		t.Run(strings.Join(test.reasons, ", "), func(t *testing.T) {
			if test.mount != nil {
				t.Parallel()
				test.check(t, test.mount(t))
				return
			}
			inVirtualTime(t, func(t *testing.T, b *testBackend) {
				test.virtual(t, b)
				test.check(t, b)
			})
		})
	}
}

// noReasons are the patterns that are no reasons of decisions, and the file whose tests have
// them; those of besideLines are none either.
var noReasons = map[string]string{
	// Beside a decision.
	"answers were dropped before the valid one came":  "internal/login/ask_test.go",
	"profile: a reply attribute was left out":         "internal/login/ask_test.go",
	"request_attributes: not all could be sent":       "internal/login/ask_test.go",
	"a value of the directory cannot be an attribute": "source_directory_test.go",
	"a name is locked out after failed logins":        "internal/login/turn_test.go",
	// When something is read.
	"stored users are not found under their names":                 "upgrade_bytes_test.go",
	"users are one person to Vault":                                "upgrade_bytes_test.go",
	"profile matches no user":                                      "dictionary_test.go",
	"stored before FIPS 140 mode was on, and refused in it":        "fips_test.go",
	"users have passwords that cannot be checked in FIPS 140 mode": "fips_test.go",
	// In a mode that a process has from its start.
	"is refused in FIPS 140 mode": "fips_test.go",
	// Decisions without a reason.
	"login accepted": "internal/login/record_cases_test.go",
	"login goes on: its source asks for another step": "internal/login/record_cases_test.go",
	"renewal accepted": "internal/login/record_cases_more_test.go",
	"trial .*":         "internal/login/record_cases_more_test.go",
	// A reason that only a race has, and the plugin's own faults.
	"a similar name was registered until now": "internal/login/identity_test.go",
	"panicked: please report this":            "backend_test.go",
}

// reasonSections are those of docs/operating.md that have reasons.
var reasonSections = []string{
	"### No server answers", "### TLS fails", "### Too many logins wait", "### The login is refused",
	"### The directory is in the way", "### The config is in the way", "### A renewal is refused",
}

func TestEachReasonOfTheDocumentIsReached(t *testing.T) {
	t.Parallel()
	missing := map[string]bool{}
	for _, heading := range reasonSections {
		for _, pattern := range symptomsUnder(t, heading) {
			missing[pattern] = true
		}
	}
	require.Greater(t, len(missing), 80)
	for pattern, file := range noReasons {
		require.True(t, missing[pattern], "no row of the document has %q", pattern)
		require.True(t, findsIn(pattern)(readDocument(t, file)), "%s has no %q", file, pattern)
		delete(missing, pattern)
	}
	for pattern := range besideLines() {
		require.True(t, missing[pattern], "no row of the document has %q", pattern)
		delete(missing, pattern)
	}
	var strange []string
	reached := map[string]bool{}
	for _, test := range reasonCases() {
		for _, pattern := range append(slices.Clone(test.reasons), test.message) {
			reached[pattern] = true
		}
	}
	delete(reached, "")
	for pattern := range reached {
		if !missing[pattern] {
			strange = append(strange, pattern)
		}
		delete(missing, pattern)
	}
	require.Empty(t, slices.Sorted(maps.Keys(missing)), "no case reaches these reasons of docs/operating.md")
	require.Empty(t, strange, "no row of docs/operating.md has these")
}
