// Package cloudsqlconn stands in for Google's connector of Cloud SQL, which Vault's SDK links into each
// plugin for its database plugins, and Google's libraries with it: a tenth of the binary. Nothing here
// connects to Cloud SQL. It has what the SDK compiles with.
package cloudsqlconn

// Option configures a connection.
type Option struct{}

// DialOption configures a dial.
type DialOption struct{}

// WithIAMAuthN returns an option.
func WithIAMAuthN() Option { return Option{} }

// WithCredentialsJSON returns an option.
func WithCredentialsJSON([]byte) Option { return Option{} }

// WithDefaultDialOptions returns an option.
func WithDefaultDialOptions(...DialOption) Option { return Option{} }

// WithPrivateIP returns an option.
func WithPrivateIP() DialOption { return DialOption{} }

// WithPSC returns an option.
func WithPSC() DialOption { return DialOption{} }
