package main

// program is a command of the main module that is released.
type program struct {
	name            string // of its folder in cmd, its binary and its archives
	title           string
	versionVariable string   // that the linker sets; "." in front stands for the main module
	documents       []string // files and folders of the repository that its archives have beside the binary
}

var plugin = program{
	name:            "vault-plugin-auth-radius",
	title:           "RADIUS auth method for Vault and OpenBao",
	versionVariable: ".version",
	documents:       []string{"LICENSE", "NOTICE", "README.md", "CHANGELOG.md", "docs"},
}

var login = program{
	name:            "radius-login",
	title:           "Login at a RADIUS auth method of Vault or OpenBao",
	versionVariable: "main.version",
	documents: []string{
		"LICENSE", "NOTICE", "README.md", "CHANGELOG.md", "cmd/radius-login/completions", "cmd/radius-login/radius-login.1",
	},
}

// binary returns the name of the file.
func (p program) binary(t target) string {
	if t.os == "windows" {
		return p.name + ".exe"
	}
	return p.name
}

// archivedBinary returns the binary's place in the archive, and its name in SHA256SUMS: both are
// the same, so that sha256sum checks the binary where the archive was unpacked.
func (p program) archivedBinary(t target) string { return t.name() + "/" + p.binary(t) }

// base returns what the names of the target's files begin with.
func (p program) base(version string, t target) string {
	return p.name + "_" + version + "_" + t.name()
}

func (p program) archive(version string, t target) string {
	if t.os == "windows" {
		return p.base(version, t) + ".zip"
	}
	return p.base(version, t) + ".tar.gz"
}

func (p program) sbom(version string, t target) string { return p.base(version, t) + ".cdx.json" }
