package rlmrest

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"vault-plugin-auth-radius/internal/acct"
)

// Names of fields of queries.
const (
	pageField     = "page"
	pageSizeField = "page_size"
)

// ParseTime returns a time of a query; zero if there is none.
func ParseTime(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	return acct.ParseTime(text)
}

// ParseBool returns a boolean of a query as clients write it; nil if there is none.
func ParseBool(text string) (*bool, error) {
	text = strings.TrimSpace(text)
	switch strings.ToLower(text) {
	case "":
		return nil, nil
	case "true", "t", "1", "yes", "y", "on":
		return new(true), nil
	case "false", "f", "0", "no", "n", "off":
		return new(false), nil
	}
	return nil, fmt.Errorf("is %.40q: use true or false", text)
}

// List holds how a client wants an answer with many records.
type List struct {
	Page     acct.Page
	Envelope bool
	Filters  url.Values // further fields of the query, which links to pages repeat
}

// reference returns a page as a reference relative to the URL of the request, which the plugin
// does not know (RFC 3986 section 4.2).
func (l List) reference(page acct.Page) string {
	values := url.Values{pageField: {strconv.Itoa(page.Number)}, pageSizeField: {strconv.Itoa(page.Size)}}
	for field, texts := range l.Filters {
		values[field] = texts
	}
	return "?" + values.Encode()
}

// Links are references to other pages, by their relation (RFC 8288); "" if there is none.
type Links struct{ first, previous, next, last string }

// Links returns the references to pages as far as they are known. more reports whether a page
// follows; total is nil if the records were not counted.
func (l List) Links(more bool, total *int) Links {
	links := Links{first: l.reference(l.Page.First())}
	previous, exists := l.Page.Previous()
	if total != nil {
		last := l.Page.Last(*total)
		previous.Number = min(previous.Number, last.Number)
		links.last = l.reference(last)
	}
	if exists {
		links.previous = l.reference(previous)
	}
	if more {
		links.next = l.reference(l.Page.Next())
	}
	return links
}

// Header returns the value of the field Link.
func (l Links) Header() string {
	var links []string
	for _, link := range []struct{ relation, reference string }{
		{"first", l.first}, {"prev", l.previous}, {"next", l.next}, {"last", l.last},
	} {
		if link.reference != "" {
			links = append(links, fmt.Sprintf("<%s>; rel=%q", link.reference, link.relation))
		}
	}
	return strings.Join(links, ", ")
}

// EncodeArray returns records as a JSON array.
func EncodeArray[T any](records []T) (string, error) { return encodeRecords(orEmpty(records)) }

// EncodeEnvelope returns the array in the envelope that clients of django-rest-framework
// know. total is nil if the records were not counted.
func EncodeEnvelope[T any](records []T, total *int, links Links) (string, error) {
	return encodeRecords(map[string]any{
		"count":    total,
		"next":     orNull(links.next),
		"previous": orNull(links.previous),
		"results":  orEmpty(records),
	})
}

func encodeRecords(list any) (string, error) {
	body, err := json.Marshal(list)
	if err != nil {
		return "", fmt.Errorf("encoding records: %w", err)
	}
	return string(body), nil
}

func orEmpty[T any](records []T) []T {
	if records == nil {
		return []T{}
	}
	return records
}

func orNull(reference string) any {
	if reference == "" {
		return nil
	}
	return reference
}
