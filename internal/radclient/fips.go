package radclient

import "vault-plugin-auth-radius/internal/fips"

// FIPSProblems returns the settings that FIPS 140 mode has no place for, if it is on, each text
// beginning with the config field. RADIUS/1.0 hides passwords and signs packets with MD5, over TLS
// too; CHAP is MD5, and MS-CHAPv2 is MD4 and DES. RADIUS/1.1 leaves it all to TLS.
func (c Config) FIPSProblems() []string {
	if !fips.Enabled() {
		return nil
	}
	return c.unapproved()
}

// unapproved returns what FIPSProblems does, whatever the mode is.
func (c Config) unapproved() []string {
	var found []string
	refuse := func(what, why, remedy string) { found = append(found, fips.Refused(what, why, remedy)) }
	const why = "since RADIUS/1.0 hides and signs with MD5"
	switch {
	case c.Transport != TLS:
		refuse("`transport` "+string(c.withDefaults().Transport), why,
			"use transport=tls with radius_version=1.1, or a directory over TLS")
	case c.TLS.Version == VersionAuto:
		refuse("`radius_version` auto", why+", and the server may choose it", "use 1.1")
	case c.TLS.Version != RADIUS11:
		refuse("`radius_version` 1.0", why+", over TLS as well", "use 1.1")
	}
	switch c.Protocol {
	case CHAP:
		refuse("`auth_protocol` chap", "since it is MD5", "use pap, which RADIUS/1.1 leaves to TLS")
	case MSCHAPv2:
		refuse("`auth_protocol` mschapv2", "since it is MD4 and DES", "use pap, which RADIUS/1.1 leaves to TLS")
	}
	return found
}
