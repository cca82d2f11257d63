// Package rlmrest decodes the requests of FreeRADIUS's rlm_rest, and encodes the responses to
// them. It decodes queries of other clients for the stored records as well. The package knows
// nothing of Vault and does no I/O.
package rlmrest
