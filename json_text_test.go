package radiusauth

import (
	"encoding/json"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

// The command line has no other way to write a list of objects.
func TestListsAreTakenAsJSONText(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.ok(logical.UpdateOperation, "config", minimalConfig())
	b.profile("office", nil)
	const office, lobby = `{"attribute":"NAS-Identifier","op":"==","value":"office"}`, `{"attribute":"NAS-Port","op":"==","value":7}`
	first, second := item("NAS-Identifier", "==", "office"), item("NAS-Port", "==", "7")
	const city, street = `{"attribute":"Connect-Info","value":"a, b"}`, `{"attribute":"NAS-Port-Id","value":"7"}`
	firstSent, secondSent := map[string]any{"attribute": "Connect-Info", "value": "a, b"}, map[string]any{"attribute": "NAS-Port-Id", "value": "7"}
	const replied, repliedToo = `{"attribute":"Class","op":"=","value":"x"}`, `{"attribute":"Session-Timeout","op":":=","value":60}`
	firstReply, secondReply := item("Class", "=", "x"), item("Session-Timeout", ":=", "60")
	for _, field := range []struct {
		operation        logical.Operation
		path, field      string
		text, secondText string
		item, secondItem any
	}{
		{logical.UpdateOperation, "config", "request_attributes", city, street, firstSent, secondSent},
		{logical.PatchOperation, "profiles/office", "check_attribute", office, lobby, first, second},
		{logical.PatchOperation, "profiles/office", "reply_attribute", replied, repliedToo, firstReply, secondReply},
	} {
		read := func() any { return b.ok(logical.ReadOperation, field.path, nil).Data[field.field] }
		write := func(value any) { b.ok(field.operation, field.path, map[string]any{field.field: value}) }
		for _, test := range []struct {
			given any
			want  []any
		}{
			{field.text, []any{field.item}},
			{"[" + field.text + "," + field.secondText + "]", []any{field.item, field.secondItem}},
			{" [\n" + field.secondText + "]\n", []any{field.secondItem}},
			{[]any{field.text, field.secondText}, []any{field.item, field.secondItem}}, // the field is named twice
			{[]any{"[" + field.text + "]", field.secondText}, []any{field.item, field.secondItem}},
		} {
			write(test.given)
			require.Equal(t, test.want, read(), "%s=%v", field.field, test.given)
			for _, wrong := range []any{"office", field.text + field.secondText, "[" + field.text, `"text"`, "5", "null", "{", `[` + field.text + `] x`} {
				require.Contains(t, b.refused(field.operation, field.path, map[string]any{field.field: wrong}),
					"field \""+field.field+"\": it is not a list, nor JSON text of a list or of one object")
				require.Equal(t, test.want, read(), "nothing has changed")
			}
			require.Contains(t, b.refused(field.operation, field.path, map[string]any{field.field: []any{"office"}}), field.field+"[0] is not an object")
			for _, empty := range []any{"", " ", "[]"} {
				write(test.given)
				write(empty)
				require.Equal(t, []any{}, read(), "%s=%q", field.field, empty)
			}
		}
	}
	created := b.created(logical.UpdateOperation, "profiles", map[string]any{"name": "n", "short_name": "new", "check_attribute": office, "reply_attribute": ""})
	require.Equal(t, []any{[]any{first}, []any{}}, []any{created["check_attribute"], created["reply_attribute"]})
}

func TestAProfileIsTriedWithMapsAsJSONText(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.profile("office", map[string]any{"check_attribute": []any{item("NAS-Port", "==", "7"), item("reply:Class", "==", "b"), item("client:device", "==", "d")}})
	given := map[string]any{"request": `{"NAS-Port": 7}`, "reply": `{"Class": ["a", "b"]}`, "client": `{"device": "d"}`}
	require.Equal(t, true, b.ok(logical.UpdateOperation, "profiles/office/test", given).Data["matched"])
	for field := range given {
		for _, wrong := range []string{"NAS-Port=7", "[1]", "{", `{"NAS-Port": 7} x`, "null"} {
			require.Equal(t, "Field validation failed: error converting input for field \""+field+"\": it is not a map, nor JSON text of one",
				b.refused(logical.UpdateOperation, "profiles/office/test", map[string]any{field: wrong}))
		}
		require.Equal(t, false, b.ok(logical.UpdateOperation, "profiles/office/test", map[string]any{field: ""}).Data["matched"])
	}
}

func TestMapsOfTextsAreTakenAsJSONText(t *testing.T) {
	t.Parallel()
	b := newTestBackend(t)
	b.source("radius", map[string]any{"name": "s"})
	read := func() any { return b.ok(logical.ReadOperation, "users/alice", nil).Data["metadata"] }
	for _, operation := range []logical.Operation{logical.UpdateOperation, logical.PatchOperation} {
		b.ok(logical.UpdateOperation, "users/alice", map[string]any{"metadata": `{"room": "7", "k": "a=b"}`})
		require.Equal(t, map[string]string{"room": "7", "k": "a=b"}, read())
		for _, wrong := range []string{`{"room": "7=8"`, "room", "[1]", `{"a":{}}`} {
			require.Contains(t, b.refused(operation, "users/alice", map[string]any{"metadata": wrong}), "\"metadata\": it is not a map of texts")
		}
		b.ok(operation, "users/alice", map[string]any{"metadata": ""})
		require.Equal(t, map[string]string{}, read())
		b.ok(operation, "users/alice", map[string]any{"metadata": "room=7"})
		require.Equal(t, map[string]string{"room": "7"}, read())
	}
	// Vault asks for the capability "create" if there is no such user.
	found, exists, err := b.HandleExistenceCheck(t.Context(), &logical.Request{
		Operation: logical.CreateOperation, Path: "users/new", Storage: b.storage, Data: map[string]any{"metadata": `{"room": "7"}`},
	})
	require.NoError(t, err)
	require.Equal(t, []bool{true, false}, []bool{found, exists})
	b.ok(logical.PatchOperation, "users/alice", map[string]any{"metadata": `{"floor": "2", "room": null}`})
	require.Equal(t, map[string]string{"floor": "2"}, read(), "a merge patch")
	data := b.ok(logical.UpdateOperation, "extauth/s", map[string]any{"reply_attributes": `{"Class": "Filter-Id"}`}).Data
	require.Equal(t, map[string]string{"Class": "Filter-Id"}, data["reply_attributes"])
	require.Empty(t, b.ok(logical.UpdateOperation, "extauth/s", map[string]any{"reply_attributes": ""}).Data["reply_attributes"])
}

func TestNumbersInJSONTextKeepAllDigits(t *testing.T) {
	t.Parallel()
	value, ok := decodeJSON(`{"a": 9007199254740993}`)
	require.True(t, ok)
	require.Equal(t, map[string]any{"a": json.Number("9007199254740993")}, value)
}
