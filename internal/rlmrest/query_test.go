package rlmrest

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-auth-radius/internal/acct"
)

func TestBooleansAreReadAsClientsWriteThem(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"True", "t", "1", "yes", "Y", "on", " true "} {
		value, err := ParseBool(text)
		require.NoError(t, err, text)
		require.True(t, *value, text)
	}
	for _, text := range []string{"FALSE", "f", "0", "no", "N", "off\n"} {
		value, err := ParseBool(text)
		require.NoError(t, err, text)
		require.False(t, *value, text)
	}
	for _, text := range []string{"", " "} {
		value, err := ParseBool(text)
		require.NoError(t, err, text)
		require.Nil(t, value, text)
	}
	for _, text := range []string{"maybe", "2", "null", "truefalse", "-1"} {
		_, err := ParseBool(text)
		require.ErrorContains(t, err, "use true or false", text)
	}
}

func TestLinksLeadAsFarAsPagesAreKnown(t *testing.T) {
	t.Parallel()
	list := List{Page: acct.Page{Number: 2, Size: 2}, Filters: url.Values{"username": {"a b&c"}}}
	require.Equal(t,
		`<?page=1&page_size=2&username=a+b%26c>; rel="first", <?page=1&page_size=2&username=a+b%26c>; rel="prev"`,
		list.Links(false, nil).Header(), "without counting, the last page is not known")
	require.Contains(t, list.Links(true, new(5)).Header(),
		`<?page=3&page_size=2&username=a+b%26c>; rel="next", <?page=3&page_size=2&username=a+b%26c>; rel="last"`)
	list.Page.Number = 9
	body, err := EncodeEnvelope([]string(nil), new(5), list.Links(false, new(5)))
	require.NoError(t, err)
	require.JSONEq(t, `{"count":5,"next":null,"previous":"?page=3&page_size=2&username=a+b%26c","results":[]}`, body)
	body, err = EncodeArray([]string(nil))
	require.NoError(t, err)
	require.Equal(t, "[]", body)
}
