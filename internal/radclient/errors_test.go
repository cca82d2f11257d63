package radclient

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSilenceNamesAllThatMayBeBehindIt(t *testing.T) {
	t.Parallel()
	text := (&NoAnswerError{Host: "radius.example.com", Port: 1812, Sends: 6, Waited: 10 * time.Second}).Error()
	for _, want := range []string{
		"no answer from RADIUS server radius.example.com port 1812 after 6 sends in 10s",
		"that the server runs", "the same secret", "no firewall", "or it answers from another address",
	} {
		require.Contains(t, text, want)
	}
}
