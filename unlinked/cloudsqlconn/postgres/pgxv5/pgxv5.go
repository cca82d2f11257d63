// Package pgxv5 stands in for the driver of Cloud SQL.
package pgxv5

import (
	"errors"

	"cloud.google.com/go/cloudsqlconn"
)

// RegisterDriver returns an error: this plugin has no Cloud SQL.
func RegisterDriver(string, ...cloudsqlconn.Option) (func() error, error) {
	return nil, errors.New("this plugin is built without Cloud SQL")
}
