package radclient

// Version is a version of RADIUS. It differs from another in the packet's
// header and in what is hidden with the secret.
type Version string

const (
	// RADIUS10 is the RADIUS of RFC 2865.
	RADIUS10 Version = "1.0"
	// RADIUS11 leaves the protection to TLS (RFC 9765).
	RADIUS11 Version = "1.1"
	// VersionAuto is RADIUS11 where the server speaks it, else RADIUS10.
	VersionAuto Version = "auto"
)

// Versions are the settings that there are.
var Versions = []Version{RADIUS10, RADIUS11, VersionAuto}
