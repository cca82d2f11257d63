package login

import (
	"errors"
	"fmt"
	"strings"

	"vault-plugin-auth-radius/internal/radclient"
	"vault-plugin-auth-radius/internal/source"
)

// maxPassword is how many octets a password may have that no RADIUS server is asked
// about: more than any directory takes.
const maxPassword = 1024

// CheckPassword returns why the source cannot be asked about the password; nil if it can.
// The error advises and never shows the value.
func CheckPassword(src *source.Source, password string) error {
	if src.IsRADIUS() {
		return radclient.CheckPassword(password)
	}
	return CheckPasswordText(password, maxPassword)
}

// CheckPasswordText returns why a text cannot be a password that no RADIUS server checks;
// nil if it can. A directory may take a NUL for the end: then many passwords would be one.
func CheckPasswordText(password string, longest int) error {
	switch {
	case password == "":
		return errors.New("password cannot be empty")
	case len(password) > longest:
		return fmt.Errorf("password is longer than %d octets", longest)
	case strings.ContainsRune(password, 0):
		return errors.New("password contains a NUL character")
	}
	return nil
}
