package acct

import "errors"

// Fault is the kind of an error of a store. Kinds have different remedies.
type Fault string

// The kinds.
const (
	FaultAway        Fault = "away"      // no server of the URL answers, as far as is known
	FaultReadOnly    Fault = "read-only" // those that do only read
	FaultBusy        Fault = "busy"      // PostgreSQL answers, but not to this in time
	FaultCredentials Fault = "credentials"
	FaultPrivileges  Fault = "privileges"
	FaultTables      Fault = "tables" // the database, or a table in it, is not as it has to be
	FaultOther       Fault = "other"
)

// FaultOf returns the kind of an error of a store.
func FaultOf(err error) Fault {
	var unavailable *UnavailableError
	switch {
	case errors.As(err, &unavailable):
		return unavailable.kind
	case errors.As(err, new(*CredentialsError)):
		return FaultCredentials
	case errors.As(err, new(*PrivilegeError)):
		return FaultPrivileges
	case errors.As(err, new(*SchemaError)):
		return FaultTables
	}
	return FaultOther
}
