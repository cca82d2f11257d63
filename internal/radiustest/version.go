package radiustest

// Version is a version of RADIUS, by its name in ALPN (RFC 9765 section 3.3).
type Version string

const (
	// RADIUS10 is the RADIUS of RFC 2865.
	RADIUS10 Version = "radius/1.0"
	// RADIUS11 has a Token in place of authenticators and hides nothing: TLS does
	// (RFC 9765).
	RADIUS11 Version = "radius/1.1"
)
