package radiusauth

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/acct"
	"vault-plugin-auth-radius/internal/rlmrest"
)

// writeResponse returns the answer to a write: nothing (204), or, if the request had fields
// that do not exist, a response to which the framework adds a warning.
func writeResponse(d *framework.FieldData) *logical.Response {
	for field := range d.Raw {
		if _, known := d.Schema[field]; !known {
			return &logical.Response{}
		}
	}
	return nil
}

// writtenResponses returns the responses of an operation that answers with nothing.
func writtenResponses() map[int][]framework.Response {
	return map[int][]framework.Response{
		http.StatusNoContent: {{Description: "No Content"}},
	}
}

// dataResponses returns the responses of an operation that answers with the fields.
func dataResponses(fields map[string]*framework.FieldSchema) map[int][]framework.Response {
	return map[int][]framework.Response{
		http.StatusOK: {{Description: "OK", Fields: fields}},
	}
}

// notNil returns the list, for JSON: a nil list would become null.
func notNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// conflict returns the answer 409.
func conflict(err error) error { return logical.CodedError(http.StatusConflict, err.Error()) }

// notFound returns the answer 404 for a name or an id that the client has written.
func notFound(kind, reference string) error {
	return logical.CodedError(http.StatusNotFound, fmt.Sprintf("%s %.80q does not exist", kind, reference))
}

// freeradiusAnswer returns an answer to rlm_rest: JSON that is not wrapped in Vault's response
// envelope. An answer without content has an empty body: FreeRADIUS takes "null" for a failure.
func freeradiusAnswer(status int, body string) *logical.Response {
	return rawAnswer(status, "application/json", body)
}

// noContent returns the answer to rlm_rest when there is nothing to say.
func noContent() *logical.Response { return freeradiusAnswer(http.StatusNoContent, "") }

// problemAnswer returns the answer 400, with what is wrong by field.
func problemAnswer(problems acct.Problems) (*logical.Response, error) {
	body, err := json.Marshal(problems)
	if err != nil {
		return nil, fmt.Errorf("encoding problems: %w", err)
	}
	return freeradiusAnswer(http.StatusBadRequest, string(body)), nil
}

// rawAnswer returns an answer that is not wrapped in Vault's response envelope.
func rawAnswer(status int, contentType, body string) *logical.Response {
	data := map[string]any{logical.HTTPStatusCode: status, logical.HTTPContentType: contentType}
	if body != "" {
		data[logical.HTTPRawBody] = body
	}
	return &logical.Response{Data: data}
}

// pageFields returns the fields of a query that is answered with a page.
func pageFields(more map[string]*framework.FieldSchema) map[string]*framework.FieldSchema {
	more[fieldPage] = &framework.FieldSchema{
		Type:        framework.TypeInt,
		Query:       true,
		Default:     1,
		Description: "Which page to read, from 1.",
	}
	more[fieldPageSize] = &framework.FieldSchema{
		Type:        framework.TypeInt,
		Query:       true,
		Default:     10,
		Description: "How many a page has, 1 to 100.",
	}
	more[fieldEnvelope] = query("true: the answer is an object with count, next, previous and results. count is null above 10,000.")
	return more
}

// query returns the schema of a text in the query of a URL.
func query(description string) *framework.FieldSchema {
	return &framework.FieldSchema{Type: framework.TypeString, Query: true, Description: description}
}

// queryTime returns a time of a query; zero if there is none.
func queryTime(d *framework.FieldData, field string, problems acct.Problems) time.Time {
	at, err := rlmrest.ParseTime(d.Get(field).(string))
	if err != nil {
		problems[field] = err.Error()
	}
	return at
}

// queryBool returns a boolean of a query; nil if there is none.
func queryBool(d *framework.FieldData, field string, problems acct.Problems) *bool {
	value, err := rlmrest.ParseBool(d.Get(field).(string))
	if err != nil {
		problems[field] = err.Error()
	}
	return value
}

// readList returns the page of a query, and what the links to other pages have to repeat.
func readList(d *framework.FieldData, problems acct.Problems) rlmrest.List {
	list := rlmrest.List{
		Page:    acct.Page{Number: d.Get(fieldPage).(int), Size: d.Get(fieldPageSize).(int)},
		Filters: url.Values{},
	}
	if envelope := queryBool(d, fieldEnvelope, problems); envelope != nil {
		list.Envelope = *envelope
	}
	for field, schema := range d.Schema {
		if _, given := d.Raw[field]; given && schema.Query && schema.Type == framework.TypeString {
			list.Filters.Set(field, d.Get(field).(string))
		}
	}
	return list
}

// arrayAnswer returns records as a JSON array, not wrapped in Vault's response envelope.
func arrayAnswer[T any](records []T, links rlmrest.Links) (*logical.Response, error) {
	body, err := rlmrest.EncodeArray(records)
	if err != nil {
		return nil, err
	}
	return listAnswer(body, links), nil
}

// envelopeAnswer returns the array in an envelope of its own. total is nil if the records
// were not counted.
func envelopeAnswer[T any](records []T, total *int, links rlmrest.Links) (*logical.Response, error) {
	body, err := rlmrest.EncodeEnvelope(records, total, links)
	if err != nil {
		return nil, err
	}
	return listAnswer(body, links), nil
}

// listAnswer returns an answer with the links in its header as well. Vault hands the header on
// if the mount is tuned for it.
func listAnswer(body string, links rlmrest.Links) *logical.Response {
	answer := freeradiusAnswer(http.StatusOK, body)
	answer.Headers = map[string][]string{"Link": {links.Header()}}
	return answer
}
