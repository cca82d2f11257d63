package radiusauth

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/tlstest"
)

var recipe = regexp.MustCompile("(?s)([^`]+(?:`[^`\n]+`[^`]+)*)\n\n```console\n(.*?)```")

// Each recipe of the README has three lines at most and a link, and the mount takes its writes,
// in their order.
func TestREADMERecipesWork(t *testing.T) {
	t.Parallel()
	section := section(t, readDocument(t, "README.md"), "## Configure")
	recipes := recipe.FindAllStringSubmatch(section, -1)
	require.Len(t, recipes, 5)
	for _, parts := range recipes {
		prose, commands := parts[1], strings.TrimSpace(parts[2])
		require.Contains(t, prose, "](docs/")
		require.LessOrEqual(t, len(strings.Split(commands, "\n")), 3, commands)
		b := newTestBackend(t)
		b.ok(logical.UpdateOperation, "config", map[string]any{"host": "192.0.2.1", "secret": testSecret})
		writes := 0
		for _, command := range strings.Split(strings.ReplaceAll(commands, "\\\n", " "), "\n") {
			words := strings.Fields(command)
			path, found := strings.CutPrefix(words[3], "auth/radius/")
			if words[2] != "write" || !found || strings.HasPrefix(path, "login") || strings.HasSuffix(path, "/verify") {
				continue // a read, or what needs a server
			}
			if resp := b.ok(logical.UpdateOperation, path, arguments(t, words[4:])); resp != nil {
				require.Empty(t, resp.Warnings, command)
			}
			writes++
		}
		require.Positive(t, writes, commands)
	}
}

// arguments returns the fields that the command line would send, with files made up.
func arguments(t *testing.T, words []string) map[string]any {
	t.Helper()
	authority, err := tlstest.NewAuthority("documentation")
	require.NoError(t, err)
	certificate, err := authority.Issue(tlstest.CertificateOptions{CommonName: "vault", Names: []string{"vault.example.com"}})
	require.NoError(t, err)
	files := map[string]string{
		"@secret.txt": testSecret, "@password.txt": "Cam0_liX", "@ca.pem": string(authority.PEM()),
		"@vault.pem": string(certificate.PEM), "@vault.key": string(certificate.KeyPEM),
	}
	fields := map[string]any{}
	for _, word := range words {
		field, value, found := strings.Cut(word, "=")
		require.True(t, found, word)
		if strings.HasPrefix(value, "@") {
			require.Contains(t, files, value)
			value = files[value]
		}
		fields[field] = value
	}
	return fields
}

// The README reads the same everywhere: commands begin with "$ ", and prose is 100 columns wide.
func TestREADMEHasOneStyle(t *testing.T) {
	t.Parallel()
	fence, continued := "", false
	for i, line := range strings.Split(readDocument(t, "README.md"), "\n") {
		switch {
		case strings.HasPrefix(line, "```") && fence != "":
			fence = ""
		case strings.HasPrefix(line, "```"):
			fence = line
			require.Contains(t, []string{"```console", "```hcl"}, line, "README.md:%d", i+1)
		case fence == "" && !strings.HasPrefix(line, "|"):
			require.LessOrEqual(t, utf8.RuneCountInString(line), 100, "README.md:%d", i+1)
			require.NotRegexp(t, `^    `, line, "README.md:%d: commands stand between ```console and ```", i+1)
		case strings.HasPrefix(strings.TrimSpace(line), "vault ") && !continued:
			t.Errorf("README.md:%d: a command without \"$ \"", i+1)
		}
		continued = strings.HasSuffix(line, `\`)
	}
}
