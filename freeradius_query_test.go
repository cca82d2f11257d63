package radiusauth

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/throttle"
)

// list reads a list of records, and returns the body and the relations of the links.
func (b *testBackend) list(path string, query map[string]any) (body string, links map[string]string) {
	b.t.Helper()
	resp := b.ok(logical.ReadOperation, "freeradius/"+path, query)
	require.Equal(b.t, http.StatusOK, resp.Data[logical.HTTPStatusCode], resp.Data[logical.HTTPRawBody])
	links = map[string]string{}
	require.Len(b.t, resp.Headers["Link"], 1)
	for link := range strings.SplitSeq(resp.Headers["Link"][0], ", ") {
		reference, relation, found := strings.Cut(link, "; rel=")
		require.True(b.t, found, link)
		links[strings.Trim(relation, `"`)] = strings.Trim(reference, "<>")
	}
	return resp.Data[logical.HTTPRawBody].(string), links
}

func TestOtherStatusTypesAreAcknowledgedAndNotKept(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	b.logins.Floods = throttle.New(time.Minute, func() time.Time { return time.Unix(0, 0) })
	before := b.everything()
	for _, status := range []any{
		"9", "10", "11", "12", "13", "14", "15", "99", json.Number("15"), "0", "4", "4294967295", "-1",
		"Tunnel-Start", "Tunnel-Stop", "Tunnel-Reject", "Tunnel-Link-Start", "Tunnel-Link-Stop", "Tunnel-Link-Reject", "Failed", "Sleep",
	} {
		for range 3 {
			code, body := b.asFreeRADIUS("accounting", accountingPacket("", map[string]any{"status_type": status}))
			require.Equal(t, []any{http.StatusNoContent, ""}, []any{code, body}, status)
		}
	}
	code, _ := b.asFreeRADIUS("accounting", map[string]any{"Acct-Status-Type": map[string]any{"type": "integer", "value": []any{"Failed"}}})
	require.Equal(t, http.StatusNoContent, code)
	require.Equal(t, before, b.everything())
	require.Equal(t, 1, strings.Count(b.log.String(), "status_type=Tunnel-Start"), "once a minute")
	for i, known := range []any{"Start", " start ", "2\n"} { // none of these is another one
		code, _ := b.asFreeRADIUS("accounting", accountingPacket("", map[string]any{"status_type": known}))
		require.Equal(t, map[bool]int{true: http.StatusCreated, false: http.StatusOK}[i == 0], code, known)
	}
	for _, missing := range []any{"", " ", nil} {
		code, body := b.asFreeRADIUS("accounting", accountingPacket("", map[string]any{"status_type": missing}))
		require.Equal(t, http.StatusBadRequest, code)
		require.Contains(t, body, `"status_type":`)
	}
}

func TestQueriesReadBooleansAsClientsWriteThem(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	b.asFreeRADIUS("accounting", accountingPacket("Start", nil))
	for value, want := range map[string]int{
		"True": 1, "TRUE": 1, "true": 1, "t": 1, "1": 1, "yes": 1, "Yes": 1, "on": 1, " true ": 1, "": 1,
		"False": 0, "FALSE": 0, "false": 0, "f": 0, "0": 0, "no": 0, "off": 0,
	} {
		require.Len(t, b.kept("accounting", map[string]any{"is_open": value}), want, value)
	}
	for _, field := range []string{"is_open", "envelope"} {
		for _, value := range []string{"maybe", "2", "null", "None", "truefalse", "-1"} {
			resp := b.ok(logical.ReadOperation, "freeradius/accounting", map[string]any{field: value})
			require.Equal(t, http.StatusBadRequest, resp.Data[logical.HTTPStatusCode], value)
			require.Contains(t, resp.Data[logical.HTTPRawBody], `"`+field+`":`)
		}
	}
}

func TestQueriesReadTimesInEveryForm(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	b.asFreeRADIUS("accounting", accountingPacket("Stop", map[string]any{
		"start_time": "2018-03-02 21:00:00", "stop_time": json.Number("1520027005.5"), // 21:43:25.5
	}))
	session := b.kept("accounting", nil)[0]
	require.Equal(t, []any{"2018-03-02T21:00:00.000000Z", "2018-03-02T21:43:25.500000Z"}, []any{session["start_time"], session["stop_time"]})
	for _, before := range []string{"2018-03-02 21:43:25", "2018-03-02 21:43:25.499+00", "2018-03-02T22:43:25 01:00", "Mar  2 2018 21:43:25 UTC", "1520027005"} {
		require.Empty(t, b.kept("accounting", map[string]any{"stop_time": before}), before)
		require.Empty(t, b.kept("accounting", map[string]any{"stop_time": before, "start_time": "2018-03-02"}), before)
	}
	for _, after := range []string{"2018-03-02 21:43:26", "2018-03-02T21:43:25.5Z", "2018-03-03", "1520027005.5"} {
		require.Len(t, b.kept("accounting", map[string]any{"stop_time": after}), 1, after)
	}
	b.asFreeRADIUS("postauth", map[string]any{"username": "alice", "reply": "Access-Accept"})
	require.Len(t, b.kept("postauth", map[string]any{"from": "2018-03-02 21:43:25+00", "to": "2999-01-01 00:00:00"}), 1)
	for path, fields := range map[string][]string{"accounting": {"start_time", "stop_time"}, "postauth": {"from", "to"}} {
		for _, field := range fields {
			for _, value := range []string{"Mar  2 2018 21:43:25 CET", "20180302", "03/02/2018", "0001-01-01T00:00:00Z"} {
				resp := b.ok(logical.ReadOperation, "freeradius/"+path, map[string]any{field: value})
				require.Equal(t, http.StatusBadRequest, resp.Data[logical.HTTPStatusCode], value)
				require.Contains(t, resp.Data[logical.HTTPRawBody], `"`+field+`":`)
			}
		}
	}
}

func TestListsLeadToTheirOtherPages(t *testing.T) {
	t.Parallel()
	b := newLocalBackend(t, nil)
	for i := range 5 {
		b.asFreeRADIUS("accounting", accountingPacket("Start", map[string]any{"unique_id": fmt.Sprint(i)}))
		b.asFreeRADIUS("postauth", map[string]any{"username": "alice", "reply": "Access-Accept"})
	}
	for path, filter := range map[string]map[string]any{
		"accounting": {"username": "alice", "is_open": "True", "start_time": "2018-03-02T21:43:25+01:00"},
		"postauth":   {"username": "alice", "from": "2018-03-02T21:43:25+01:00"},
	} {
		query := map[string]any{"page_size": 2}
		for field, value := range filter {
			query[field] = value
		}
		_, links := b.list(path, query)
		require.ElementsMatch(t, []string{"first", "next"}, relations(links), "without counting, the last page is not known")
		seen := 0
		for reference := links["first"]; reference != ""; {
			body, links := b.list(path, parseReference(t, reference))
			var found []any
			require.NoError(t, json.Unmarshal([]byte(body), &found))
			seen += len(found)
			reference = links["next"]
		}
		require.Equal(t, 5, seen, "each page leads to the next, with the filters")

		query["page"], query["envelope"] = 2, "true"
		body, links := b.list(path, query)
		require.ElementsMatch(t, []string{"first", "prev", "next", "last"}, relations(links))
		require.Equal(t, "3", parseReference(t, links["last"])["page"])
		var envelope struct {
			Count          *int
			Next, Previous *string
			Results        []any
		}
		require.NoError(t, json.Unmarshal([]byte(body), &envelope))
		require.Equal(t, 5, *envelope.Count)
		require.Len(t, envelope.Results, 2)
		require.Equal(t, []string{links["next"], links["prev"]}, []string{*envelope.Next, *envelope.Previous})
		require.Equal(t, "true", parseReference(t, *envelope.Next)["envelope"])

		query["page"] = 9
		body, links = b.list(path, query)
		require.Contains(t, body, `"next":null`)
		require.Contains(t, body, `"results":[]`)
		require.Equal(t, "3", parseReference(t, links["prev"])["page"], "back to where there are some")
		body, links = b.list(path, map[string]any{"username": "nobody", "envelope": "1"})
		require.Equal(t, `{"count":0,"next":null,"previous":null,"results":[]}`, body)
		require.ElementsMatch(t, []string{"first", "last"}, relations(links))
	}
}

func relations(links map[string]string) []string {
	var relations []string
	for relation := range links {
		relations = append(relations, relation)
	}
	return relations
}

// parseReference returns the query of a reference as Vault hands it to the plugin.
func parseReference(t *testing.T, reference string) map[string]any {
	t.Helper()
	parsed, err := url.Parse(reference)
	require.NoError(t, err)
	require.Empty(t, parsed.Path, "relative to the URL of the request")
	query := map[string]any{}
	for field, values := range parsed.Query() {
		query[field] = values[0]
	}
	return query
}
