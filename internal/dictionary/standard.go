package dictionary

import (
	_ "embed"
	"strings"
	"sync"
)

//go:generate sh -c "../../scripts/dictionary.sh >standard.dictionary"

// standardText is FreeRADIUS's dictionaries in one text: what its main one leaves
// out, "# main", and what that one includes. It is not compressed, since the
// names in memory are pieces of it.
//
//go:embed standard.dictionary
var standardText string

// standardSize is about how many attributes the text defines.
const standardSize = 8300

// Standard returns the dictionary of the IETF's, FreeRADIUS's and the vendors'
// attributes. It is read on the first call.
func Standard() *Dictionary { return standard() }

var standard = sync.OnceValue(func() *Dictionary {
	d, _ := parseStandard() // the text is part of the program: a test shows that it can be read
	return d
})

func parseStandard() (*Dictionary, error) {
	d := newDictionary(standardSize)
	others, main, _ := strings.Cut(standardText, "\n# main\n")
	r := parser{dictionary: d, replace: true, valuesLast: true}
	if err := r.read(others); err != nil {
		return d, err
	}
	return d, (&parser{dictionary: d, replace: true, forward: r.forward}).parse(main)
}
