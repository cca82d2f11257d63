package rlmrest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOctetsThatAreNotUTF8ArePrintedAsFreeRADIUSDoes(t *testing.T) {
	t.Parallel()
	for octets, text := range map[string]string{
		// As `freeradius -X` of 3.2.1 prints them.
		"00-11-22-33-44-55:\xce\xd2\xb5\xc4": "00-11-22-33-44-55:\\316\u04b5\\304", // GBK: two of the octets happen to be a letter in UTF-8
		"a\\b\"c\xff":                        `a\\b\"c\377`, "\xed\xa0\x80": `\355\240\200`,
		"\xff\x1b\x7f\n\r\t\x00x":            `\377\033\177\n\r\t\000x`,
		"\xc0\x80\U0010FFFF\xf4\x90\x80\x80": "\\300\\200\U0010FFFF\\364\\220\\200\\200",
		// UTF-8.
		"": "", "Köln": "Köln", `a\b"c`: `a\b"c`, "\x00\x1b\x7f\n": "\x00\x1b\x7f\n", "\uFFFD": "\uFFFD",
	} {
		require.Equal(t, text, Print(octets))
	}
}

func TestOctetsThatCameAsLatin1AreReadAsTheyWere(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"naïve": "naïve", "na\u00c3\u00afve": "naïve", "€": "€", "": ""} {
		require.Equal(t, want, readable(text))
	}
}
