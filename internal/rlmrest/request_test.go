package rlmrest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFieldsAreReadOctetByOctet(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		body map[string]any
		want Request
	}{
		"text":                {map[string]any{"site": "Köln"}, Request{"site": {"Köln"}}},
		"a form's many":       {map[string]any{"Class": []any{"0x41", "", "0x42"}}, Request{"Class": {"0x41", "0x42"}}},
		"nothing":             {map[string]any{"site": "", "floor_hex": "", "room": []any{}}, Request{}},
		"octets":              {map[string]any{"site_hex": "4bF6006c"}, Request{"site": {"K\xf6\x00l"}}},
		"octets, many":        {map[string]any{"site_hex": []any{"ff", "00"}}, Request{"site": {"\xff", "\x00"}}},
		"octets beside none":  {map[string]any{"site_hex": "ff", "site": ""}, Request{"site": {"\xff"}}},
		"no name but the end": {map[string]any{"_hex": "41"}, Request{"": {"A"}}},
	} {
		request, problems := ReadRequest(test.body)
		require.Empty(t, problems, name)
		require.Equal(t, test.want, request, name)
	}
	for name, body := range map[string]map[string]any{
		"no digits":     {"site_hex": "Köln"},
		"half an octet": {"site_hex": "abc"},
		"0x":            {"site_hex": "0x41"},
		"both":          {"site_hex": "41", "site": "A"},
	} {
		request, problems := ReadRequest(body)
		require.Contains(t, problems, "site_hex", name)
		require.NotEqual(t, []string{"\x00"}, request["site"], name)
	}
}
