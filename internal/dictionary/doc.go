// Package dictionary knows RADIUS attributes: their names, numbers, types and
// named values, and how values are written as text and on the wire.
//
// [Standard] holds the IETF's attributes, those of the vendors, and the ones
// that FreeRADIUS uses for itself, from FreeRADIUS's own dictionaries. Custom
// dictionaries in the same text format extend it ([Dictionary.Extend]).
package dictionary
