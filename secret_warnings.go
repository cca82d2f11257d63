package radiusauth

import (
	"fmt"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

// byteOrderMark is put before a text by some editors.
const byteOrderMark = "\uFEFF"

// secretWarning returns a warning of characters that a secret, stored as it was given, may have
// by accident; "" if there are none. name says what the secret belongs to.
func secretWarning(name, secret string) string {
	const remedy = "it is stored with that. If it comes from a file, write it again without, as printf %s makes it"
	switch {
	case secret == "":
		return ""
	case strings.HasSuffix(secret, "\n"), strings.HasSuffix(secret, "\r"):
		return fmt.Sprintf("%s ends in a line break, and %s", name, remedy)
	case strings.TrimSpace(secret) != secret:
		return fmt.Sprintf("%s begins or ends with white space, and %s", name, remedy)
	case strings.HasPrefix(secret, byteOrderMark):
		return fmt.Sprintf("%s begins with a byte order mark, and %s", name, remedy)
	}
	return ""
}

// secretWarnings returns the warnings of the fields that were given.
func secretWarnings(d *framework.FieldData, fields ...string) []string {
	var warnings []string
	for _, field := range fields {
		if secret, given := d.GetOk(field); given {
			warnings = append(warnings, secretWarning("`"+field+"`", secret.(string)))
		}
	}
	return warnings
}

// secretWarnings returns the warnings of the secrets that were given.
func (c *configEntry) secretWarnings(d *framework.FieldData) []string {
	warnings := secretWarnings(d, fieldSecret)
	if _, given := d.GetOk(fieldHosts); given {
		for i, entry := range c.Hosts {
			warnings = append(warnings, secretWarning(fmt.Sprintf("`hosts`: the secret of entry %d", i+1), entry.Secret))
		}
	}
	return warnings
}

// withWarnings adds the warnings that are not empty to the response, which may be nil.
func withWarnings(response *logical.Response, warnings []string) *logical.Response {
	for _, warning := range warnings {
		if warning == "" {
			continue
		}
		if response == nil {
			response = &logical.Response{}
		}
		response.AddWarning(warning)
	}
	return response
}
