package certificates

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/tlstest"
)

func TestBundleEndsWithTheFirstOfItsCertificates(t *testing.T) {
	t.Parallel()
	authority, err := tlstest.NewAuthority("Example CA")
	require.NoError(t, err)
	ending := func(in time.Duration) *tlstest.Certificate {
		certificate, err := authority.Issue(tlstest.CertificateOptions{Names: []string{"a.example"}, Until: time.Now().Add(in)})
		require.NoError(t, err)
		return certificate
	}
	soon, later, past := ending(time.Hour), ending(2*time.Hour), ending(-time.Hour)
	endOf := func(c *tlstest.Certificate) time.Time {
		pair, err := c.TLS()
		require.NoError(t, err)
		return pair.Leaf.NotAfter
	}
	text := func(c *tlstest.Certificate) string { return string(c.PEM) }
	broken := "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
	for name, test := range map[string]struct {
		text string
		want time.Time
	}{
		"one":              {text(soon), endOf(soon)},
		"the first":        {text(soon) + text(later), endOf(soon)},
		"the second":       {"# a comment\n" + text(later) + "\n" + text(soon), endOf(soon)},
		"one that is over": {text(soon) + text(past), endOf(past)},
		"beside others":    {string(soon.KeyPEM) + broken + text(later), endOf(later)},
		"none":             {string(soon.KeyPEM) + broken + "no PEM", time.Time{}},
		"no text":          {"", time.Time{}},
	} {
		require.Equal(t, test.want, EndPEM(test.text), name)
	}
}
