package radiusauth

import (
	"fmt"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

// byteOrderMark is what some editors put before a text.
const byteOrderMark = "\uFEFF"

// secretWarning says what a secret that is stored as it was given may have too much; ""
// if nothing. The secret belongs to what is named.
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

// secretWarnings says it of the fields that were given.
func secretWarnings(d *framework.FieldData, fields ...string) []string {
	var warnings []string
	for _, field := range fields {
		if secret, given := d.GetOk(field); given {
			warnings = append(warnings, secretWarning("`"+field+"`", secret.(string)))
		}
	}
	return warnings
}

// secretWarnings says it of the secrets that were given.
func (c *configEntry) secretWarnings(d *framework.FieldData) []string {
	warnings := secretWarnings(d, fieldSecret)
	if _, given := d.GetOk(fieldHosts); given {
		for i, entry := range c.Hosts {
			warnings = append(warnings, secretWarning(fmt.Sprintf("`hosts`: the secret of entry %d", i+1), entry.Secret))
		}
	}
	return warnings
}

// withWarnings adds those that say something to the response, which may be nil.
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
