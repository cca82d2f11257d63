package validate

import (
	"slices"
	"strings"
)

// RootPolicyText is what the built-in method answers to the policy root.
const RootPolicyText = "root policy cannot be granted by an auth method"

// ContainsRoot reports whether Vault would take one of the policies for root: it
// ignores case and surrounding spaces.
func ContainsRoot(policies []string) bool {
	return slices.ContainsFunc(policies, func(policy string) bool {
		return strings.EqualFold(strings.TrimSpace(policy), "root")
	})
}

// SplitPolicies returns the policies of a list whose entries may be separated by commas
// as well, in their order and case, as the built-in method reads them for unregistered
// users. Empty names are left out.
func SplitPolicies(texts []string) []string {
	policies := []string{}
	for policy := range strings.SplitSeq(strings.Join(texts, ","), ",") {
		if policy = strings.TrimSpace(policy); policy != "" {
			policies = append(policies, policy)
		}
	}
	return policies
}
