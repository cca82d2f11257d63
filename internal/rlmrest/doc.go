// Package rlmrest reads what FreeRADIUS's rlm_rest sends, and writes what it reads. Queries of
// other clients for what FreeRADIUS has sent are read here as well. The package knows nothing
// of Vault and does no I/O.
package rlmrest
