package e2e

import (
	"os"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
	"github.com/stretchr/testify/require"
)

// Grafana's own types take the dashboard: they refuse fields that they do not know, in panels
// and targets too, and miss those that they need.
func TestDashboardIsWhatGrafanaReads(t *testing.T) {
	t.Parallel()
	runtime := cog.NewRuntime()
	runtime.RegisterDataqueryVariant(prometheus.VariantConfig())
	runtime.RegisterPanelcfgVariant(stat.VariantConfig())
	runtime.RegisterPanelcfgVariant(table.VariantConfig())
	runtime.RegisterPanelcfgVariant(timeseries.VariantConfig())
	text, err := os.ReadFile("../docs/monitoring/dashboard.json")
	require.NoError(t, err)
	//lint:ignore SA1019 the newer format is none of Grafana 10 and 11
	var board dashboard.Dashboard
	if err := board.UnmarshalJSONStrict(text); err != nil {
		require.Empty(t, err.Error(), "an empty list of errors is no nil")
	}
	require.NoError(t, board.Validate())
	require.Greater(t, len(board.Panels), 30)
}
