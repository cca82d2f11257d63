package main

import (
	"os"
	"strings"
)

// takeBaoVariables sets VAULT_X to BAO_X where that is set, as OpenBao's command line has it:
// BAO_X goes first, also if it is empty.
func takeBaoVariables(environment []string, set func(name, value string) error) {
	for _, variable := range environment {
		name, value, _ := strings.Cut(variable, "=")
		if rest, isBao := strings.CutPrefix(name, "BAO_"); isBao && rest != "" {
			_ = set("VAULT_"+rest, value) // it fails for names that no variable has
		}
	}
}

// tokenVariable returns the name of the variable that goes before the stored token; "" if none does.
func tokenVariable() string {
	switch {
	case os.Getenv("BAO_TOKEN") != "":
		return "BAO_TOKEN"
	case os.Getenv("VAULT_TOKEN") != "":
		return "VAULT_TOKEN"
	}
	return ""
}
