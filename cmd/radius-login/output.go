package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/hashicorp/vault/api"
	"go.yaml.in/yaml/v3"
)

// output prints a token as `vault login` does.
type output struct {
	to       io.Writer
	format   string
	terminal bool // to is one
}

// row is a line of a table.
type row struct {
	key   string
	value any
}

// secret prints all of it.
func (o output) secret(secret *api.Secret) error {
	if o.format == "table" {
		return o.table(rowsOf(secret))
	}
	text, err := o.encode(secret)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(o.to, text)
	return err
}

// field prints one value, for scripts without an end of line.
func (o output) field(secret *api.Secret, name string) error {
	for _, row := range rowsOf(secret) {
		if strings.TrimSuffix(row.key, ":") != name || strings.HasPrefix(name, "token_meta_") {
			continue
		}
		text := fmt.Sprint(rawValue(secret, row))
		if o.format != "table" {
			var err error
			if text, err = o.encode(rawValue(secret, row)); err != nil {
				return err
			}
			if o.format != "json" {
				text += "\n"
			}
		}
		if o.terminal {
			text += "\n"
		}
		_, err := io.WriteString(o.to, text)
		return err
	}
	return fmt.Errorf("-field: the answer has no %q", name)
}

// warn prints the warnings of a secret, which JSON and YAML have anyway.
func (o output) warn(to io.Writer, secret *api.Secret) {
	if o.format != "table" {
		return
	}
	for _, warning := range secret.Warnings {
		fmt.Fprintln(to, "WARNING! Vault says:", printable(warning))
	}
}

// rowsOf returns the rows of a token, or of what it is wrapped in.
func rowsOf(secret *api.Secret) (rows []row) {
	if auth := secret.Auth; auth != nil {
		rows = []row{
			{"token", auth.ClientToken},
			{"token_accessor", auth.Accessor},
			{"token_duration", seconds(auth.LeaseDuration)},
			{"token_renewable", auth.Renewable},
			{"token_policies", auth.TokenPolicies},
			{"identity_policies", auth.IdentityPolicies},
			{"policies", auth.Policies},
		}
		if auth.LeaseDuration == 0 {
			rows[2].value = "∞"
		}
		for _, name := range slices.Sorted(maps.Keys(auth.Metadata)) {
			rows = append(rows, row{"token_meta_" + name, auth.Metadata[name]})
		}
	}
	if wrap := secret.WrapInfo; wrap != nil {
		rows = append(rows, []row{
			{"wrapping_token:", wrap.Token},
			{"wrapping_accessor:", wrap.Accessor},
			{"wrapping_token_ttl:", seconds(wrap.TTL)},
			{"wrapping_token_creation_time:", wrap.CreationTime},
			{"wrapping_token_creation_path:", wrap.CreationPath},
		}...)
		if wrap.WrappedAccessor != "" {
			rows = append(rows, row{"wrapped_accessor:", wrap.WrappedAccessor})
		}
	}
	return rows
}

// rawValue returns the value of a row as scripts read it.
func rawValue(secret *api.Secret, row row) any {
	switch value := row.value.(type) {
	case seconds:
		return int(value)
	case time.Time:
		return value.Format(time.RFC3339Nano)
	}
	if row.key == "token_duration" {
		return secret.Auth.LeaseDuration
	}
	return row.value
}

func (o output) table(rows []row) error {
	table := tabwriter.NewWriter(o.to, 0, 0, 4, ' ', 0)
	fmt.Fprint(table, "Key\tValue\n---\t-----\n")
	for _, row := range rows {
		text := fmt.Sprint(row.value)
		if list, isList := row.value.([]string); isList {
			text = fmt.Sprintf("%q", list)
		}
		if text = strings.TrimSpace(text); text == "" {
			text = "n/a"
		}
		fmt.Fprintf(table, "%s\t%s\n", printable(row.key), printable(text)) // metadata may be of a RADIUS server
	}
	return table.Flush()
}

// encode returns a value as JSON or YAML, without an end of line.
func (o output) encode(value any) (string, error) {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil || o.format == "json" {
		return string(text), err
	}
	var generic any
	if err := yaml.Unmarshal(text, &generic); err != nil {
		return "", err
	}
	var encoded bytes.Buffer
	encoder := yaml.NewEncoder(&encoded)
	encoder.SetIndent(2)
	encoder.CompactSeqIndent()
	if err := encoder.Encode(generic); err != nil {
		return "", err
	}
	return strings.TrimSpace(encoded.String()), nil
}

// seconds is a duration, printed as Vault does: 768h, 1h5m, 90s as 1m30s.
type seconds int

func (s seconds) String() string {
	text := (time.Duration(s) * time.Second).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if hours, minutes, found := strings.Cut(text, "h0m"); found {
		text = hours + "h" + minutes
	}
	return text
}
