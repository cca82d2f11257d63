package main

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// documentedFlags finds the flags in each document: the first submatch is a flag without its hyphen.
var documentedFlags = map[string]*regexp.Regexp{
	"completions/radius-login.bash": regexp.MustCompile(`[\s'|]-([a-z][a-z-]*)`),
	"completions/_radius-login":     regexp.MustCompile(`'(?:\([^)]*\))?\*?-([a-z][a-z-]*)\[`),
	"completions/radius-login.fish": regexp.MustCompile(`(?m)^complete -c radius-login -[os] ([a-z][a-z-]*)`),
	"radius-login.1":                regexp.MustCompile(`(?m)^\.TP\n\.BI? \\-([a-z\\-]+)`),
}

// bashOptions are flags of bash's own commands in the completion.
var bashOptions = []string{"r", "z", "ge", "o", "W", "F"}

// Completions and the man page have the flags of the command, and no others.
func TestDocumentsHaveTheFlagsOfTheCommand(t *testing.T) {
	t.Parallel()
	flags := []string{"h"}
	(&options{}).flags().VisitAll(func(f *flag.Flag) { flags = append(flags, f.Name) })
	slices.Sort(flags)
	for file, pattern := range documentedFlags {
		text, err := os.ReadFile(filepath.FromSlash(file))
		require.NoError(t, err)
		var documented []string
		for _, found := range pattern.FindAllStringSubmatch(string(text), -1) {
			name := strings.ReplaceAll(found[1], `\`, "")
			if !slices.Contains(bashOptions, name) {
				documented = append(documented, name)
			}
		}
		slices.Sort(documented)
		require.Equal(t, flags, slices.Compact(documented), file)
	}
}

// The man page has the variables and exit codes of the usage, and completions its formats.
func TestManPageHasWhatTheUsageSays(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("radius-login.1")
	require.NoError(t, err)
	for _, variable := range regexp.MustCompile(`(?:VAULT|BAO)_[A-Z_]+`).FindAllString(usage, -1) {
		require.Contains(t, string(page), variable)
	}
	_, codes, _ := strings.Cut(usage, "Exit codes: ")
	for _, code := range regexp.MustCompile(`\d+`).FindAllString(codes, -1) {
		require.Contains(t, string(page), "\n.B "+code+"\n")
	}
	for file := range documentedFlags {
		text, err := os.ReadFile(filepath.FromSlash(file))
		require.NoError(t, err)
		for _, format := range formats {
			require.Contains(t, string(text), format, file)
		}
	}
}

// Bash offers flags, and the values of those that have few.
func TestBashCompletes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		words string // the last one is completed
		want  string
	}{
		{"radius-login -no", "-no-store -no-print"},
		{"radius-login --tok", "-token-only"},
		{"radius-login user", "username="},
		{"radius-login -format j", "json"},
		{"radius-login -format = j", "json"},
		{"radius-login -field token_a", "token_accessor"},
		{"radius-login -path r", ""},
		{"radius-login username =", ""},
		{"radius-login -attribute NAS =", ""},
		{"radius-login -attribute NAS = -", ""},
	} {
		script := `source completions/radius-login.bash; compopt() { :; }; COMP_WORDS=(` + c.words + `)
			COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _radius_login; echo "${COMPREPLY[*]}"`
		out, err := exec.CommandContext(t.Context(), "bash", "-c", script).CombinedOutput()
		require.NoError(t, err, string(out))
		require.Equal(t, c.want, strings.TrimSpace(string(out)), c.words)
	}
}
