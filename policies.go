package radiusauth

import (
	"slices"
	"strings"
)

// rootPolicyText is the built-in method's text.
const rootPolicyText = "root policy cannot be granted by an auth method"

// containsRoot tells whether Vault would take one of the policies for root: it
// ignores case and surrounding spaces.
func containsRoot(policies []string) bool {
	return slices.ContainsFunc(policies, func(policy string) bool {
		return strings.EqualFold(strings.TrimSpace(policy), "root")
	})
}

// splitPolicies reads a comma-separated list, keeping its order and case, as
// the built-in method does for unregistered users. Empty names are left out.
func splitPolicies(text string) []string {
	policies := []string{}
	for policy := range strings.SplitSeq(text, ",") {
		if policy = strings.TrimSpace(policy); policy != "" {
			policies = append(policies, policy)
		}
	}
	return policies
}
