package radiusauth

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

// example finds the examples of docs/profiles.md: a profile, then trials, one a
// line.
var example = regexp.MustCompile("(?s)```json\n(.*?)```\n+```json trial\n(.*?)```")

func TestExamplesOfTheDocsDoWhatTheySay(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("docs/profiles.md")
	require.NoError(t, err)
	examples := example.FindAllStringSubmatch(string(text), -1)
	require.Len(t, examples, strings.Count(string(text), "```json\n"), "an example has no trial")
	require.NotEmpty(t, examples)
	for _, found := range examples {
		var fields map[string]any
		require.NoError(t, json.Unmarshal([]byte(found[1]), &fields))
		name := fields["short_name"].(string)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newTestBackend(t)
			b.ok(logical.UpdateOperation, "profiles", fields)
			for line := range strings.Lines(found[2]) {
				var trial map[string]any
				require.NoError(t, json.Unmarshal([]byte(line), &trial), line)
				matched, answers := trial["matched"], trial["answers"]
				delete(trial, "matched")
				delete(trial, "answers")
				data := b.ok(logical.UpdateOperation, "profiles/"+name+"/test", trial).Data
				require.Equal(t, matched, data["matched"], line)
				if answers != nil {
					require.Equal(t, answers, repliesOf(data), line)
				}
			}
		})
	}
}

// repliesOf are the attributes of a trial's reply, as texts.
func repliesOf(data map[string]any) []any {
	var replies []any
	for _, attribute := range data["reply"].([]any) {
		attribute := attribute.(map[string]any)
		replies = append(replies, attribute["attribute"].(string)+" "+attribute["value"].(string))
	}
	return replies
}
