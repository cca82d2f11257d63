package radiusauth

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// workflow is what the tests read of a file of .github/workflows.
type workflow struct {
	Permissions yaml.Node              `yaml:"permissions"`
	Concurrency map[string]any         `yaml:"concurrency"`
	Jobs        map[string]workflowJob `yaml:"jobs"`
}

type workflowJob struct {
	Permissions map[string]string `yaml:"permissions"`
	Uses        string            `yaml:"uses"`
	Container   string            `yaml:"container"`
	Timeout     int               `yaml:"timeout-minutes"`
	Steps       []workflowStep    `yaml:"steps"`
}

type workflowStep struct {
	Uses string         `yaml:"uses"`
	Run  string         `yaml:"run"`
	With map[string]any `yaml:"with"`
}

// workflows returns the workflows and their texts, by file.
func workflows(t *testing.T) (read map[string]workflow, texts map[string]string) {
	t.Helper()
	files, err := filepath.Glob(".github/workflows/*")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	read, texts = map[string]workflow{}, map[string]string{}
	for _, file := range files {
		var parsed workflow
		texts[file] = readDocument(t, file)
		require.NoError(t, yaml.Unmarshal([]byte(texts[file]), &parsed), file)
		require.NotEmpty(t, parsed.Jobs, file)
		read[file] = parsed
	}
	return read, texts
}

var (
	usesLine   = regexp.MustCompile(`(?m)^[ -]*uses: *(.*)$`)
	pinnedUse  = regexp.MustCompile(`^[\w-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)
	pinnedBase = regexp.MustCompile(`^[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}$`)
)

// A tag can be moved to other code, a commit cannot.
func TestWorkflowsPinWhatTheyRun(t *testing.T) {
	t.Parallel()
	read, texts := workflows(t)
	versions := map[string]string{}
	for file, text := range texts {
		for _, found := range usesLine.FindAllStringSubmatch(text, -1) {
			if strings.HasPrefix(found[1], "./") {
				require.FileExists(t, found[1], file)
				continue
			}
			require.Regexp(t, pinnedUse, found[1], file)
			action, version, _ := strings.Cut(found[1], "@")
			if versions[action] == "" {
				versions[action] = version
			}
			require.Equal(t, versions[action], version, "%s: %s is another version elsewhere", file, action)
		}
		for name, job := range read[file].Jobs {
			if job.Container != "" {
				require.Regexp(t, pinnedBase, job.Container, "%s: %s", file, name)
			}
		}
	}
}

// mayWrite are the jobs that may write anything, and what.
var mayWrite = map[string][]string{
	"release.yml: publish": {"attestations", "contents", "id-token"},
}

func TestWorkflowsMayDoLittle(t *testing.T) {
	t.Parallel()
	read, texts := workflows(t)
	for file, parsed := range read {
		var permissions map[string]string
		require.Equal(t, yaml.MappingNode, parsed.Permissions.Kind, "%s: permissions of the workflow", file)
		require.NoError(t, parsed.Permissions.Decode(&permissions), file)
		require.Subset(t, map[string]string{"contents": "read"}, permissions, file)
		require.NotEmpty(t, parsed.Concurrency["group"], file)
		require.NotContains(t, texts[file], "pull_request_target", file)
		require.NotContains(t, texts[file], "secrets.", file)
		for name, job := range parsed.Jobs {
			label := filepath.Base(file) + ": " + name
			var writes []string
			for scope, access := range job.Permissions {
				if access != "read" {
					writes = append(writes, scope)
				}
			}
			require.ElementsMatch(t, mayWrite[label], writes, label)
			if job.Uses == "" {
				require.Positive(t, job.Timeout, "%s: timeout-minutes", label)
			}
			for _, step := range job.Steps {
				if strings.HasPrefix(step.Uses, "actions/checkout@") {
					require.Equal(t, false, step.With["persist-credentials"], "%s: persist-credentials", label)
				}
			}
		}
	}
}

// What CI runs can be run anywhere, and no text from outside becomes a command.
func TestWorkflowsRunTargetsOfMake(t *testing.T) {
	t.Parallel()
	target := regexp.MustCompile(`(?m)^([a-z-]+):.*##`)
	var targets []string
	for _, found := range target.FindAllStringSubmatch(readDocument(t, "Makefile"), -1) {
		targets = append(targets, found[1])
	}
	require.Contains(t, targets, "test")
	read, _ := workflows(t)
	var ran []string
	for file, parsed := range read {
		for name, job := range parsed.Jobs {
			for _, step := range job.Steps {
				if step.Uses != "" {
					continue
				}
				run, found := strings.CutPrefix(step.Run, "make ")
				require.True(t, found, "%s: %s runs %q", file, name, step.Run)
				require.Contains(t, targets, run, "%s: %s", file, name)
				ran = append(ran, run)
			}
		}
	}
	require.Subset(t, ran, []string{"test", "lint", "vuln"})
}

// modules returns the folders of this repository that have a go.mod, the root as ".".
func modules(t *testing.T) (folders []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata"):
			return filepath.SkipDir
		case entry.Name() == "go.mod":
			folders = append(folders, filepath.Dir(path))
		}
		return nil
	}))
	return folders
}

func TestDependabotKnowsEveryModule(t *testing.T) {
	t.Parallel()
	var config struct {
		Updates []struct {
			Ecosystem string         `yaml:"package-ecosystem"`
			Directory string         `yaml:"directory"`
			Schedule  map[string]any `yaml:"schedule"`
		} `yaml:"updates"`
	}
	require.NoError(t, yaml.Unmarshal([]byte(readDocument(t, ".github/dependabot.yml")), &config))
	var folders, others []string
	for _, update := range config.Updates {
		require.NotEmpty(t, update.Schedule["interval"], update.Directory)
		if update.Ecosystem == "gomod" {
			folders = append(folders, filepath.Join(".", update.Directory))
		} else {
			others = append(others, update.Ecosystem+" "+update.Directory)
		}
	}
	require.ElementsMatch(t, modules(t), folders)
	require.Equal(t, []string{"github-actions /"}, others)
}

// Who reports a bug says what is needed to find it, and is told that all can read it.
func TestIssueFormsAskForStatusAndVersions(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir(".github/ISSUE_TEMPLATE")
	require.NoError(t, err)
	forms := map[string]bool{}
	for _, entry := range entries {
		text := readDocument(t, filepath.Join(".github/ISSUE_TEMPLATE", entry.Name()))
		var form struct {
			Name, Description string
			BlankIssues       *bool `yaml:"blank_issues_enabled"`
			Body              []struct {
				Type, ID    string
				Validations struct{ Required bool }
			}
		}
		require.NoError(t, yaml.Unmarshal([]byte(text), &form), entry.Name())
		if entry.Name() == "config.yml" {
			require.Equal(t, new(bool), form.BlankIssues)
			require.Contains(t, text, "SECURITY.md")
			continue
		}
		require.NotEmpty(t, form.Name, entry.Name())
		require.NotEmpty(t, form.Description, entry.Name())
		require.Contains(t, text, "vault read auth/radius/status", entry.Name())
		require.Contains(t, text, "Issues are public", entry.Name())
		required := map[string]bool{}
		for _, field := range form.Body {
			required[field.ID] = field.Validations.Required
		}
		forms[entry.Name()] = required["plugin"] && required["server"] && required["status"]
	}
	require.Equal(t, []string{"bug.yml", "feature.yml"}, slices.Sorted(maps.Keys(forms)))
	require.True(t, forms["bug.yml"])
}
