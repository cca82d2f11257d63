package attempts

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/decision"
)

func TestNameIsMaskedAsDirectoriesEscapeIt(t *testing.T) {
	t.Parallel()
	for name, escaped := range map[string]string{
		"Summer,24!": `Summer\,24!`, `a"b+c=d`: `a\"b\+c\=d`, "#hash": `\#hash`, `back\slash`: `back\\slash`,
		`q"uote\22s`: `q\"uote\\22s`, "star*24": `star\2a24`, "(paren)": `\28paren\29`, "Größe1": `Gr\c3\b6\C3\9fe1`, "comma,24": `comma\2C24`,
	} {
		for _, reason := range []string{
			"no such entry: uid=" + escaped + ",ou=people", fmt.Sprintf("the directory says %q", "uid="+escaped+",ou=people"),
		} {
			d := decision.Decision{Username: name, Class: decision.Rejected, Reason: reason}
			masked := maskedReason(&d, "MASK")
			require.Contains(t, masked, "uid=MASK,ou=people", "%s in %s", name, reason)
		}
	}
	d := decision.Decision{Username: "alice,1", Class: decision.Rejected, Reason: `uid=alice\2,ou=people\`}
	require.Equal(t, d.Reason, maskedReason(&d, "MASK"), "another name")
}
