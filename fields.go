package radiusauth

import (
	"net/http"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

// set takes a field's value over if it was given. T is the type that the
// field's schema says.
func set[T any](d *framework.FieldData, field string, to *T) {
	if value, ok := d.GetOk(field); ok {
		*to = value.(T)
	}
}

// resetNulls replaces each null by the field's default, which is what null
// means in a JSON merge patch (RFC 7396).
func resetNulls(d *framework.FieldData) {
	for field, raw := range d.Raw {
		schema, known := d.Schema[field]
		switch {
		case raw != nil || !known:
		case strings.HasPrefix(field, "token_"):
			// The SDK's default for token_type, "default-service", is not a
			// value that its own parser takes.
			d.Raw[field] = schema.Type.Zero()
		default:
			d.Raw[field] = schema.DefaultOrZero()
		}
	}
}

// written answers a write: with nothing (204), or, if the request had fields
// that do not exist, with a response to which the framework adds a warning.
func written(d *framework.FieldData) *logical.Response {
	for field := range d.Raw {
		if _, known := d.Schema[field]; !known {
			return &logical.Response{}
		}
	}
	return nil
}

// writtenResponses describes an operation that answers with nothing.
func writtenResponses() map[int][]framework.Response {
	return map[int][]framework.Response{
		http.StatusNoContent: {{Description: "No Content"}},
	}
}

// dataResponses describes an operation that answers with the fields.
func dataResponses(fields map[string]*framework.FieldSchema) map[int][]framework.Response {
	return map[int][]framework.Response{
		http.StatusOK: {{Description: "OK", Fields: fields}},
	}
}
