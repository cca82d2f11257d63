package profile

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/dictionary"
)

// noon is when logins are that no clock decides about.
var noon = time.Date(2026, time.June, 1, 12, 0, 0, 0, time.UTC) // a Monday

// attributes reads names and values in turn.
func attributes(tb testing.TB, pairs ...string) []dictionary.Item {
	tb.Helper()
	var all []dictionary.Item
	for ; len(pairs) > 0; pairs = pairs[2:] {
		r, err := resolve(dictionary.Standard(), pairs[0])
		require.NoError(tb, err)
		value, err := r.attribute.ParseValue(pairs[1])
		require.NoError(tb, err)
		all = append(all, dictionary.Item{Attribute: r.attribute, Tag: r.tag, Value: value})
	}
	return all
}

func compileAll(tb testing.TB, definitions ...Definition) []*Profile {
	tb.Helper()
	var all []*Profile
	for _, definition := range definitions {
		compiled, err := Compile(dictionary.Standard(), definition)
		require.NoError(tb, err)
		all = append(all, compiled)
	}
	return all
}

func newInput(tb testing.TB, request, reply []dictionary.Item, client map[string]string) *Input {
	tb.Helper()
	input, err := NewInput(noon, request, reply, client)
	require.NoError(tb, err)
	return input
}

// values prints a merged reply without the names.
func values(reply []ReplyAttribute) []string {
	var all []string
	for _, attribute := range reply {
		all = append(all, attribute.Attribute.PrintValue(attribute.Value))
	}
	return all
}

func (row tableRow) String() string { return fmt.Sprintf("row %d %v", row.number, row.profiles) }

func TestOperatorsFollowTheTable(t *testing.T) {
	t.Parallel()
	for _, row := range table {
		t.Run(row.String(), func(t *testing.T) {
			t.Parallel()
			if row.refused != "" {
				var err error
				for _, definition := range row.profiles {
					_, err = Compile(dictionary.Standard(), definition)
				}
				require.ErrorContains(t, err, row.refused)
				return
			}
			profiles := compileAll(t, row.profiles...)
			for _, login := range row.logins {
				input := newInput(t, attributes(t, login.request...), nil, nil)
				decision := Evaluate(profiles, input)
				require.Equal(t, login.want, outcome{len(decision.Matched) == len(profiles), values(decision.Reply)}, "%q", login.request)
				explained, explanations := Explain(profiles, input)
				require.Equal(t, decision, explained)
				require.Len(t, explanations, len(profiles))
			}
		})
	}
}

// A row deviates if, and only if, it has a reason.
func TestTableMarksItsDeviations(t *testing.T) {
	t.Parallel()
	var numbers []int
	for _, row := range table {
		deviates := row.failsToLoad != (row.refused != "")
		for _, login := range row.logins {
			deviates = deviates || login.freeRADIUS != nil
		}
		require.Equal(t, deviates, row.deviation != "", "%s", row)
		if len(numbers) == 0 || numbers[len(numbers)-1] != row.number {
			numbers = append(numbers, row.number)
		}
	}
	require.Len(t, numbers, 68)
	require.IsIncreasing(t, numbers)
}
