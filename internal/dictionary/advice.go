package dictionary

import (
	"fmt"
	"strings"
)

// DidYouMean returns advice about a name that the dictionary does not know, to be added to
// an error; "" if no name is like it.
func (d *Dictionary) DidYouMean(name string) string {
	near := d.Suggest(name)
	if len(near) == 0 {
		return ""
	}
	return ": did you mean " + strings.Join(near, ", ") + "?"
}

// CheckReadable returns what is wrong with names of attributes whose values are to be
// shown: no attribute has the name, or the value is secret. field names the setting.
func (d *Dictionary) CheckReadable(field string, names []string) (problems []string) {
	for _, name := range names {
		attribute, found := d.Lookup(name)
		switch {
		case !found:
			problems = append(problems, fmt.Sprintf("`%s`: %.80q is no attribute of the dictionary%s", field, name, d.DidYouMean(name)))
		case attribute.Encrypt != 0:
			problems = append(problems, fmt.Sprintf("`%s`: %s is secret: it cannot be shown", field, attribute.Name))
		}
	}
	return problems
}
