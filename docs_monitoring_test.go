package radiusauth

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

const monitoring = "docs/monitoring/"

// dashboard is what these tests know of a dashboard of Grafana.
type dashboard struct {
	SchemaVersion int
	Panels        []panel
	Templating    struct{ List []variable }
}

type panel struct {
	ID          int
	Type, Title string
	Datasource  datasource
	Targets     []struct {
		RefID, Expr string
		Datasource  datasource
	}
	GridPos struct{ X, Y, W, H int }
}

type variable struct {
	Name, Type, Label string
	Datasource        datasource
	Query             any
}

type datasource struct{ Type, UID string }

// chosen is the datasource that the user of the dashboard has chosen.
var chosen = datasource{"prometheus", "${datasource}"}

func readDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(readDocument(t, monitoring+"dashboard.json")), &d))
	require.NotEmpty(t, d.Panels)
	return d
}

// ruleFile is what these tests know of a file of rules.
type ruleFile struct {
	Groups []struct {
		Name  string
		Rules []rule
	}
}

type rule struct {
	Record, Alert, Expr string
	Labels, Annotations map[string]string
}

func readRules(t *testing.T) (rules []rule) {
	t.Helper()
	var file ruleFile
	require.NoError(t, yaml.Unmarshal([]byte(readDocument(t, monitoring+"rules.yml")), &file))
	for _, group := range file.Groups {
		rules = append(rules, group.Rules...)
	}
	require.NotEmpty(t, rules)
	return rules
}

func TestPanelsOfTheDashboardAreWhole(t *testing.T) {
	t.Parallel()
	d := readDashboard(t)
	ids := map[int]bool{}
	for i, p := range d.Panels {
		require.NotEmpty(t, p.Title, p.ID)
		require.Positive(t, p.ID, p.Title)
		require.False(t, ids[p.ID], "%s: the id is another panel's", p.Title)
		ids[p.ID] = true
		require.Contains(t, []string{"row", "stat", "table", "timeseries"}, p.Type, p.Title)
		for _, other := range d.Panels[:i] {
			require.False(t, overlap(p, other), "%s is over %s", p.Title, other.Title)
		}
		require.GreaterOrEqual(t, p.GridPos.X, 0, p.Title)
		require.LessOrEqual(t, p.GridPos.X+p.GridPos.W, 24, "%s is wider than a dashboard", p.Title)
		if p.Type == "row" {
			require.Empty(t, p.Targets, p.Title)
			continue
		}
		require.Equal(t, chosen, p.Datasource, p.Title)
		require.NotEmpty(t, p.Targets, p.Title)
		references := map[string]bool{}
		for _, target := range p.Targets {
			require.NotEmpty(t, target.Expr, p.Title)
			require.Equal(t, chosen, target.Datasource, p.Title)
			require.False(t, references[target.RefID], "%s: %s is there twice", p.Title, target.RefID)
			references[target.RefID] = true
			require.Contains(t, target.Expr, `mount=~"$mount"`, p.Title)
			require.Contains(t, target.Expr, `instance=~"$node"`, p.Title)
		}
	}
}

// overlap reports whether two panels have a place in common.
func overlap(a, b panel) bool {
	p, q := a.GridPos, b.GridPos
	return p.X < q.X+q.W && q.X < p.X+p.W && p.Y < q.Y+q.H && q.Y < p.Y+p.H
}

var usedVariable = regexp.MustCompile(`\$\{?(\w+)`)

func TestVariablesOfTheDashboardExistAndAreUsed(t *testing.T) {
	t.Parallel()
	d := readDashboard(t)
	var defined []string
	for _, v := range d.Templating.List {
		require.NotEmpty(t, v.Label, v.Name)
		if v.Type != "datasource" {
			require.Equal(t, "query", v.Type, v.Name)
			require.Equal(t, chosen, v.Datasource, v.Name)
		}
		defined = append(defined, v.Name)
	}
	require.Equal(t, []string{"datasource", "mount", "node"}, defined)
	text := readDocument(t, monitoring+"dashboard.json")
	used := map[string]bool{}
	for _, found := range usedVariable.FindAllStringSubmatch(text, -1) {
		if found[1] == "__rate_interval" || found[1] == "__all" { // Grafana's own
			continue
		}
		require.Contains(t, defined, found[1])
		used[found[1]] = true
	}
	require.Len(t, used, len(defined))
}

func TestDashboardIsOfTheVersionThatTheDocumentationSays(t *testing.T) {
	t.Parallel()
	require.Contains(t, readDocument(t, monitoring+"README.md"),
		fmt.Sprintf("schemaVersion %d", readDashboard(t).SchemaVersion))
}

// An alert says what to do, and the documentation says when it fires.
func TestAlertsAreDocumented(t *testing.T) {
	t.Parallel()
	table := section(t, readDocument(t, monitoring+"README.md"), "## Rules")
	tests := readDocument(t, monitoring+"rules_test.yml")
	alerts := 0
	for _, r := range readRules(t) {
		if r.Alert == "" {
			require.Contains(t, tests, r.Record)
			continue
		}
		alerts++
		require.Contains(t, table, "| `"+r.Alert+"` |")
		require.Contains(t, tests, "alertname: "+r.Alert+"\n")
		require.Contains(t, []string{"critical", "warning"}, r.Labels["severity"], r.Alert)
		require.NotEmpty(t, r.Annotations["summary"], r.Alert)
		require.NotEmpty(t, r.Annotations["description"], r.Alert)
		file, anchor, _ := strings.Cut(r.Annotations["runbook"], "#")
		require.FileExists(t, file, r.Alert)
		require.Contains(t, anchors(readDocument(t, file)), anchor, r.Alert)
		require.NotContains(t, r.Expr, "by (instance", "%s: nodes that hand on would each have it", r.Alert)
	}
	require.Equal(t, strings.Count(table, "| `RadiusAuth"), alerts)
}

// A file that the documentation of monitoring names is there, and it names all that are.
func TestFilesOfMonitoringAreNamed(t *testing.T) {
	t.Parallel()
	files, err := os.ReadDir(monitoring)
	require.NoError(t, err)
	text := readDocument(t, monitoring+"README.md")
	for _, file := range files {
		if file.Name() != "README.md" {
			require.Contains(t, text, "("+file.Name()+")")
		}
	}
	require.Contains(t, readDocument(t, monitoring+"prometheus.yml"), "- rules.yml\n")
	require.FileExists(t, filepath.Join(monitoring, "rules.yml"))
}

// expressions returns those of the dashboard and of the rules.
func expressions(t *testing.T) (all []string) {
	t.Helper()
	d := readDashboard(t)
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			all = append(all, target.Expr)
		}
	}
	for _, v := range d.Templating.List {
		all = append(all, fmt.Sprint(v.Query))
	}
	for _, r := range readRules(t) {
		all = append(all, r.Expr)
	}
	return all
}

var (
	metricInTable      = regexp.MustCompile("(?m)^\\| `(radius_auth_[a-z_]+)` \\| (\\w+) \\|")
	metricInExpression = regexp.MustCompile(`\bradius_auth_[a-z_]+\b`)
)

// TestDashboardAndRulesUseTheMetricsThatThereAre compares them with the table, which is made
// from the definitions.
func TestDashboardAndRulesUseTheMetricsThatThereAre(t *testing.T) {
	t.Parallel()
	series := map[string]string{} // their metrics
	var defined []string
	for _, found := range metricInTable.FindAllStringSubmatch(readDocument(t, monitoring+"metrics.md"), -1) {
		defined = append(defined, found[1])
		series[found[1]] = found[1]
		if found[2] == "histogram" {
			delete(series, found[1])
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				series[found[1]+suffix] = found[1]
			}
		}
	}
	require.NotEmpty(t, defined)
	used := map[string]bool{}
	for _, expression := range expressions(t) {
		for _, name := range metricInExpression.FindAllString(expression, -1) {
			require.Contains(t, series, name, expression)
			used[series[name]] = true
		}
	}
	unused := slices.DeleteFunc(defined, func(name string) bool { return used[name] })
	require.Empty(t, unused, "neither dashboard nor rules show them")
}
