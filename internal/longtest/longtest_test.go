package longtest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestFiguresAreLongOnlyWhereTheEnvironmentSaysSo(t *testing.T) {
	for value, want := range map[string]time.Duration{"": 5 * time.Second, "1": time.Minute} {
		t.Setenv(variable, value)
		require.Equal(t, value != "", Enabled())
		require.Equal(t, want, Choose(5*time.Second, time.Minute))
	}
}
