// Package username says who is who: which names are refused, which name a typed one
// stands for, and which names a RADIUS server, a directory or Vault may take for one.
//
// A name has three forms. The canonical one is whom a login is for: the name of the
// user entry and of the identity alias. Names with one fold are one name to Vault,
// which ignores case, and to the servers that normalize what they compare. Names
// with one skeleton may be one name to servers that ignore accents and invisible
// characters, too.
package username
