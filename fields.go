package radiusauth

import (
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

// set takes a field's value over if it was given. T is the type of the field's schema.
func set[T any](d *framework.FieldData, field string, to *T) {
	if value, ok := d.GetOk(field); ok {
		*to = value.(T)
	}
}

// setText is set for a type of its own that is stored as a text.
func setText[T ~string](d *framework.FieldData, field string, to *T) {
	text := string(*to)
	set(d, field, &text)
	*to = T(text)
}

// setPEM is set for certificates and keys, which come from files that editors have written
// on Windows: without byte order marks, which would hide the block behind them, and with
// line feeds alone.
func setPEM(d *framework.FieldData, field string, to *string) {
	text := *to
	set(d, field, &text)
	*to = strings.NewReplacer("\ufeff", "", "\r\n", "\n").Replace(text)
}

// allowed returns the values that a field may have, as its schema wants them.
func allowed[T ~string](values []T) []any {
	var list []any
	for _, value := range values {
		list = append(list, string(value))
	}
	return list
}

// typeNames are the names of the types in errors.
var typeNames = map[framework.FieldType]string{
	framework.TypeString:           "a text",
	framework.TypeInt:              "a whole number in range",
	framework.TypeInt64:            "a whole number in range",
	framework.TypeFloat:            "a number",
	framework.TypeBool:             "true or false",
	framework.TypeDurationSecond:   "a duration of 0 or more: a whole number of seconds in range, or with a unit, such as 90s",
	framework.TypeCommaStringSlice: "a list of texts, or texts separated by commas",
	framework.TypeStringSlice:      "a list of texts",
	framework.TypeSlice:            "a list, nor JSON text of a list or of one object",
	framework.TypeMap:              "a map, nor JSON text of one",
	framework.TypeKVPairs:          "a map of texts",
}

// validateFields returns the response to a request with a field that cannot be read; nil
// if all can. It names the field and what it has to be, and never the value, which may be
// a password, or a password that was typed into the wrong field. The framework's own text
// repeats the value, and the framework cuts the fraction off a number.
func validateFields(path *framework.Path, req *logical.Request) *logical.Response {
	prefix := "Field validation failed: " // the framework's
	if path.ExistenceCheck != nil {
		prefix = "" // with the built-in, the existence check answers first
	}
	for _, field := range slices.Sorted(maps.Keys(req.Data)) {
		schema, raw := path.Fields[field], req.Data[field]
		if schema == nil || raw == nil {
			continue
		}
		err := (&framework.FieldData{Raw: map[string]any{field: raw}, Schema: path.Fields}).Validate()
		noJSON := field != fieldHosts && unreadJSON(schema.Type, raw)
		if err != nil || noJSON || !isWholeNumber(schema, raw) {
			return logical.ErrorResponse("%serror converting input for field %q: it is not %s", prefix, field, typeNames[schema.Type])
		}
	}
	return nil
}

// isWholeNumber reports whether a number can be the value of the field: Vault hands JSON
// numbers to a plugin as floating point. Other values are left to the framework.
func isWholeNumber(schema *framework.FieldSchema, raw any) bool {
	number, isFloat := raw.(float64)
	if !isFloat || (schema.Type != framework.TypeInt && schema.Type != framework.TypeDurationSecond) {
		return true
	}
	return number == math.Trunc(number) && math.Abs(number) <= math.MaxUint32
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
