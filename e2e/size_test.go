package e2e

import (
	"debug/elf"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// largestBinary is what the plugin's binary may take, in bytes. Vault reads all of it, for its sum, each
// time that it starts the plugin.
const largestBinary = 28 << 20

func TestBinaryIsNoLargerThanDocumented(t *testing.T) {
	t.Parallel()
	path := pluginBinary(t)
	file, err := elf.Open(path)
	require.NoError(t, err)
	defer file.Close()
	require.Nil(t, file.Section(".symtab"), "build it as make build does, without symbols")
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.LessOrEqual(t, info.Size(), int64(largestBinary),
		"docs/performance.md, Start and size, says how to find what is linked: leave something out, or raise the limit there and here")
}
