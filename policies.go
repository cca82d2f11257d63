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

// splitPolicies reads a list, whose entries may be separated by commas as well,
// keeping its order and case, as the built-in method does for unregistered users.
// Empty names are left out.
func splitPolicies(texts []string) []string {
	policies := []string{}
	for policy := range strings.SplitSeq(strings.Join(texts, ","), ",") {
		if policy = strings.TrimSpace(policy); policy != "" {
			policies = append(policies, policy)
		}
	}
	return policies
}
