package username

import (
	"maps"
	"slices"
	"strings"
)

// Rules are what a mount's config and its sources say about names.
type Rules struct {
	FoldCase     bool   // upper and lower case are not told apart
	StripRealm   bool   // a realm that is not a source's is no part of a name
	Realm        string // that the config's servers are told for names without one
	DefaultRealm string // of names without one
	Realms       Realms // of the sources
}

// Realms are the realms of sources. The zero Realms has none.
type Realms struct {
	first map[string]string // the first realm of the source that has the folded one
	key   string
}

// NewRealms returns the realms of sources, each with its realms in their order.
func NewRealms(sources [][]string) Realms {
	realms := Realms{first: map[string]string{}}
	for _, own := range sources {
		for _, realm := range own {
			realms.first[FoldRealm(realm)] = own[0]
		}
	}
	for _, realm := range slices.Sorted(maps.Keys(realms.first)) {
		realms.key += realm + "\x00" + realms.first[realm] + "\x00"
	}
	return realms
}

// Equal reports whether the rules make the same of every name.
func (r Rules) Equal(other Rules) bool {
	return r.FoldCase == other.FoldCase && r.StripRealm == other.StripRealm && r.Realm == other.Realm &&
		r.DefaultRealm == other.DefaultRealm && r.Realms.key == other.Realms.key
}

// Canonical returns the name that a typed one stands for. A realm of a source, in
// either notation and however often it is repeated, becomes the source's first one
// after an @. Of other names the config's realm is cut, and any realm if the rules
// strip realms; a name without a realm then has the default one. The canonical form
// of a canonical name is that name.
func (r Rules) Canonical(typed string) string {
	name := r.fold(typed)
	for {
		user, realm := Split(name)
		first, ofSource := r.Realms.first[FoldRealm(realm)]
		switch {
		case realm == "" && r.DefaultRealm != "":
			return r.qualify(name)
		case realm == "":
			return name
		case ofSource:
			return r.ofSource(user, first)
		case !r.StripRealm && !SameRealm(realm, r.Realm) && !SameRealm(realm, r.DefaultRealm):
			return name
		}
		name = user
	}
}

// ofSource returns the user's name in the realms of the source with the first realm.
func (r Rules) ofSource(user, first string) string {
	for {
		inner, realm := Split(user)
		if realm == "" || r.Realms.first[FoldRealm(realm)] != first {
			return user + "@" + r.fold(first)
		}
		user = inner
	}
}

// qualify adds the default realm.
func (r Rules) qualify(name string) string {
	realm := r.DefaultRealm
	if first, ofSource := r.Realms.first[FoldRealm(realm)]; ofSource {
		realm = first
	}
	return name + "@" + r.fold(realm)
}

func (r Rules) fold(name string) string {
	if r.FoldCase {
		return strings.ToLower(name)
	}
	return name
}

// Bases returns the names of which a canonical name is a realm form, the outermost
// realm cut first: inner\alice@outer is one of inner\alice and of alice. The realm
// of a source, and the default one, stay where they are: without it the name is not
// canonical. An empty realm is cut like others, as some servers do: alice@ is a realm
// form of alice.
func (r Rules) Bases(canonical string) []string {
	user, realm := Split(canonical)
	suffix := ""
	if _, ofSource := r.Realms.first[FoldRealm(realm)]; ofSource || SameRealm(realm, r.DefaultRealm) {
		suffix = canonical[len(user):]
	} else {
		user = canonical
	}
	var bases []string
	for inner := cutRealm(user); inner != user; inner = cutRealm(user) {
		user = inner
		bases = append(bases, r.Canonical(user+suffix))
	}
	return bases
}

// cutRealm cuts the outermost realm off the name, or an empty one; what is left of a
// name without a realm is that name.
func cutRealm(name string) string {
	user, realm := Split(name)
	if realm == "" && len(name) > 1 {
		user = strings.TrimSuffix(strings.TrimPrefix(name, `\`), "@")
	}
	if user == "" {
		return name
	}
	return user
}

// OtherNotation returns the canonical form of the name with its realm on the other side:
// of alice@corp that is corp\alice. Of a name without a realm it is that name.
func (r Rules) OtherNotation(canonical string) string {
	user, realm := Split(canonical)
	switch {
	case realm == "":
		return canonical
	case strings.HasPrefix(canonical, user+"@"):
		return r.Canonical(realm + `\` + user)
	}
	return r.Canonical(user + "@" + realm)
}
