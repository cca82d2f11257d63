package radiusauth

import (
	"slices"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

// listFields returns `after` and `limit` of a LIST, fields that OpenBao's own lists have too. A limit of 0 means
// all. refusal says what is wrong with them, nil if nothing.
func listFields(d *framework.FieldData) (after string, limit int, refusal *logical.Response) {
	if given, ok := d.GetOk(fieldLimit); ok { // a default is for pages that are read
		limit = given.(int)
	}
	if limit < 0 {
		return "", 0, logical.ErrorResponse("%s is %d; use 0 or more", fieldLimit, limit)
	}
	return d.Get(fieldAfter).(string), limit, nil
}

// listedPage returns the sorted names of a LIST that a request wants; refusal says what is wrong with it, nil if
// nothing.
func listedPage(names []string, d *framework.FieldData) (listed []string, refusal *logical.Response) {
	after, limit, refusal := listFields(d)
	if refusal != nil {
		return nil, refusal
	}
	return page(names, after, limit), nil
}

// page returns at most limit of the sorted names, those after the given one. A
// limit of 0 means all.
func page(names []string, after string, limit int) []string {
	start, found := slices.BinarySearch(names, after)
	if found {
		start++
	}
	names = names[start:]
	if limit > 0 && limit < len(names) {
		names = names[:limit]
	}
	return names
}

// infoOf returns what a list tells of the names that are listed.
func infoOf(names []string, all map[string]any) map[string]any {
	info := make(map[string]any, len(names))
	for _, name := range names {
		info[name] = all[name]
	}
	return info
}
