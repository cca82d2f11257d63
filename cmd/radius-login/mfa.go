package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/vault/api"
)

// requiresMFA reports whether Vault itself wants another factor, before there is a token.
func requiresMFA(secret *api.Secret) bool {
	return secret.Auth != nil && secret.Auth.MFARequirement != nil
}

// validateMFA completes a login that Vault's own login MFA is enforced on.
func (l *login) validateMFA(ctx context.Context, requirement *api.MFARequirement) (*api.Secret, error) {
	payload := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(requirement.MFAConstraints)) {
		method, err := l.chooseMethod(ctx, name, requirement.MFAConstraints[name].Any)
		if err != nil {
			return nil, err
		}
		passcode := ""
		if method.UsesPasscode {
			passcode, err = l.dialogue.ask(ctx, question{
				what: "the code for Vault's login MFA", message: fmt.Sprintf("Vault asks for a code (%s)", describe(method)),
				prompt: "Code (will be hidden): ",
			})
			if err != nil {
				return nil, err
			}
		}
		payload[method.ID] = []string{passcode}
	}
	l.progress.begin()
	defer l.progress.end()
	secret, err := l.client.Sys().MFAValidateWithContext(ctx, requirement.MFARequestID, payload)
	if err != nil {
		return nil, fmt.Errorf("login MFA of Vault: %w", err)
	}
	return secret, nil
}

// chooseMethod returns the method of a constraint; the user chooses if there are several.
func (l *login) chooseMethod(ctx context.Context, constraint string, methods []*api.MFAMethodID) (*api.MFAMethodID, error) {
	switch len(methods) {
	case 0:
		return nil, fmt.Errorf("login MFA of Vault wants %s, and says no method for it", constraint)
	case 1:
		return methods[0], nil
	}
	text := strings.Builder{}
	fmt.Fprintf(&text, "Vault takes any of these for %s:", constraint)
	for i, method := range methods {
		fmt.Fprintf(&text, "\n  %d  %s", i+1, describe(method))
	}
	answer, err := l.dialogue.ask(ctx, question{
		what: "which method of Vault's login MFA to use", message: text.String(), prompt: "Number: ", echo: true,
	})
	if err != nil {
		return nil, err
	}
	number, err := strconv.Atoi(strings.TrimSpace(answer))
	if err != nil || number < 1 || number > len(methods) {
		return nil, &inputError{what: "the number of a method of Vault's login MFA", err: fmt.Errorf("give 1 to %d", len(methods))}
	}
	return methods[number-1], nil
}

func describe(method *api.MFAMethodID) string {
	if method.Name != "" {
		return method.Type + " " + method.Name
	}
	return method.Type + " " + method.ID
}
