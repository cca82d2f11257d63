package radiusauth

import (
	"github.com/hashicorp/vault/sdk/framework"

	"vault-plugin-auth-radius/internal/batch"
)

// batchFields returns the schema of a new batch: the only description of its fields.
func batchFields() map[string]*framework.FieldSchema {
	return map[string]*framework.FieldSchema{
		fieldName: {
			Type: framework.TypeString,
			Description: "Name of the batch: 1 to 128 letters, digits, spaces and _ @ + : -. " +
				"A name makes one batch: the same request again is refused. Required.",
		},
		fieldStrategy: {
			Type:        framework.TypeString,
			Description: "\"prefix\": names are the prefix and a number. \"csv\": they are in csvfile. Required.",
		},
		fieldCSVFile: {
			Type: framework.TypeString,
			Description: "Text with a line for each user: username, password, email, firstname, lastname, " +
				"separated by commas, semicolons or tabs. A first line with these names is left out, as are empty lines. " +
				"A password is empty (one is generated), cleartext$ and the password, or a hash. " +
				"Without a username it is the email's part before the @. " +
				"A name that is taken gets a number; another spelling of one is refused.",
			DisplayAttrs: &framework.DisplayAttributes{Sensitive: true},
		},
		fieldPrefix: {
			Type:        framework.TypeString,
			Description: "What generated names begin with: 1 to 20 letters, digits and @ . + _ -.",
		},
		fieldNumberOfUsers: {
			Type:        framework.TypeInt,
			Description: "How many users to generate, 1 to 20,000.",
		},
		fieldExpirationDate: {
			Type:        framework.TypeString,
			Description: "When the users' access ends: as expires_at of users, such as YYYY-MM-DD. Empty: never.",
		},
		fieldPasswordLength: {
			Type:        framework.TypeInt,
			Default:     batch.MinPasswordLength,
			Description: "Letters of generated passwords, 12 to 64. 12 are 69 bits.",
		},
		fieldProfiles: {
			Type:        framework.TypeCommaStringSlice,
			Description: "Short names of the users' profiles.",
		},
		fieldPolicies: {
			Type:        framework.TypeCommaStringSlice,
			Description: "Policies of the users' tokens.",
		},
		fieldFormat: {
			Type:    framework.TypeString,
			Default: batch.FormatJSON,
			Description: "What the answer is: \"json\", \"csv\", or \"html\", a page of vouchers to print. " +
				"Generated passwords are in it, and not shown again. \"vault write\" shows JSON only: with csv or html " +
				"it fails after the users were created, and their passwords are lost. Use it with envelope=true, or curl.",
		},
		fieldEnvelope: {
			Type: framework.TypeBool,
			Description: "Whether csv or html is text in JSON, as the field of that name: " +
				"vault write -field=html format=html envelope=true.",
		},
	}
}

// batchResponseFields returns the schema of a read.
func batchResponseFields() map[string]*framework.FieldSchema {
	return map[string]*framework.FieldSchema{
		fieldName: {
			Type:        framework.TypeString,
			Description: "Name of the batch.",
			Required:    true,
		},
		fieldStrategy: {
			Type:        framework.TypeString,
			Description: "csv or prefix.",
			Required:    true,
		},
		fieldPrefix: {
			Type:        framework.TypeString,
			Description: "What generated names begin with.",
			Required:    true,
		},
		fieldNumberOfUsers: {
			Type:        framework.TypeInt,
			Description: "How many users were created.",
			Required:    true,
		},
		fieldExpiresAt: {
			Type:        framework.TypeString,
			Description: "When the users' access ends; empty: never.",
			Required:    true,
		},
		"created_at": {
			Type:        framework.TypeString,
			Description: "When the batch was created.",
			Required:    true,
		},
		"usernames": {
			Type:        framework.TypeStringSlice,
			Description: "The users' names.",
			Required:    true,
		},
	}
}
