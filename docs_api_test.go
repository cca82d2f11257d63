package radiusauth

//go:generate go test -count=1 -run ^TestAPITablesAreThoseOfTheSchemas$ . -update

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

// Between these lines docs/api.md has tables that are made from the schemas:
//
//	<!-- operations users/:name -->       the operations of paths
//	<!-- fields config: host port -->     the named fields; without names, all others of the paths
//	<!-- answers users/:name -->          what answers have beside the fields that were sent
//	<!-- end -->
//
// Which tables there are, and in which order, is decided by hand, as is all other text.
var (
	tableBegins = regexp.MustCompile(`^<!-- (operations|fields|answers) ([^:]\S*(?:, \S+)*?)(?:: (.+))? -->$`)
	tableEnds   = "<!-- end -->"
)

// The tables of docs/api.md are up to date, and show all that the schemas have: each
// path, operation, field and part of an answer. `go generate .` writes them anew.
func TestAPITablesAreThoseOfTheSchemas(t *testing.T) {
	t.Parallel()
	written, err := os.ReadFile("docs/api.md")
	require.NoError(t, err)
	tables := newAPITables(newTestBackend(t).Paths)
	generated, err := tables.fill(string(written))
	require.NoError(t, err)
	require.Empty(t, tables.missing(), "docs/api.md has no table with these")
	if *update {
		require.NoError(t, os.WriteFile("docs/api.md", []byte(generated), 0o600))
		return
	}
	want, have := strings.Split(generated, "\n"), strings.Split(string(written), "\n")
	for i := range min(len(want), len(have)) {
		require.Equal(t, want[i], have[i], "docs/api.md:%d is stale: go generate . writes the tables anew", i+1)
	}
	require.Len(t, have, len(want))
}

// apiTables are the tables that can be made from the schemas of the paths.
type apiTables struct {
	paths map[string]*framework.Path // by their names, such as users/:name
	shown map[string]bool            // kind, path and field of each row that is in a table
}

func newAPITables(paths []*framework.Path) *apiTables {
	tables := &apiTables{paths: map[string]*framework.Path{}, shown: map[string]bool{}}
	for _, path := range paths {
		tables.paths[pathName(path.Pattern)] = path
	}
	return tables
}

var (
	optionalSlash = strings.NewReplacer("/?$", "")
	optionalPart  = regexp.MustCompile(`\((/[^()]*\([^()]*\))\)\?$`)
	parameter     = regexp.MustCompile(`\(\?P<(\w+)>[^()]*\)`)
)

// pathName returns how docs/api.md calls a path. A part that may be left out is in brackets.
func pathName(pattern string) string {
	pattern = optionalPart.ReplaceAllString(optionalSlash.Replace(pattern), "[$1]")
	return parameter.ReplaceAllString(pattern, ":$1")
}

// fill returns the text with its tables made anew.
func (a *apiTables) fill(text string) (string, error) {
	lines := strings.Split(text, "\n")
	named, err := a.fieldsNamedIn(lines)
	if err != nil {
		return "", err
	}
	var out []string
	for i := 0; i < len(lines); i++ {
		out = append(out, lines[i])
		begin := tableBegins.FindStringSubmatch(lines[i])
		if begin == nil {
			if strings.HasPrefix(lines[i], "<!-- ") {
				return "", fmt.Errorf("docs/api.md:%d: no table begins with %q", i+1, lines[i])
			}
			continue
		}
		length := slices.Index(lines[i:], tableEnds)
		if length < 0 {
			return "", fmt.Errorf("docs/api.md:%d: the table has no end", i+1)
		}
		table, err := a.table(begin[1], strings.Split(begin[2], ", "), strings.Fields(begin[3]), named)
		if err != nil {
			return "", fmt.Errorf("docs/api.md:%d: %w", i+1, err)
		}
		out = append(out, "")
		out = append(append(out, table...), "", tableEnds)
		i += length
	}
	return strings.Join(out, "\n"), nil
}

// fieldsNamedIn returns the fields, as path and field, that have their place in a table that names them.
func (a *apiTables) fieldsNamedIn(lines []string) (map[string]bool, error) {
	named := map[string]bool{}
	for i, line := range lines {
		begin := tableBegins.FindStringSubmatch(line)
		if begin == nil || begin[1] != "fields" {
			continue
		}
		for _, path := range strings.Split(begin[2], ", ") {
			for _, field := range strings.Fields(begin[3]) {
				if key := path + " " + field; named[key] {
					return nil, fmt.Errorf("docs/api.md:%d: %s is in two tables", i+1, key)
				}
				named[path+" "+field] = true
			}
		}
	}
	return named, nil
}

func (a *apiTables) table(kind string, names, fields []string, named map[string]bool) ([]string, error) {
	for _, name := range names {
		if a.paths[name] == nil {
			return nil, fmt.Errorf("there is no path %s", name)
		}
	}
	switch kind {
	case "operations":
		return a.operations(names), nil
	case "fields":
		return a.fields(names, fields, named)
	default:
		return a.answers(names)
	}
}

// methods are the HTTP methods of operations, in the order of the tables. Of create and update, which
// POST does both, one is shown.
var methods = []struct {
	name       string
	operations []logical.Operation
}{
	{"POST", []logical.Operation{logical.CreateOperation, logical.UpdateOperation}},
	{"PATCH", []logical.Operation{logical.PatchOperation}},
	{"GET", []logical.Operation{logical.ReadOperation}},
	{"LIST", []logical.Operation{logical.ListOperation}},
	{"DELETE", []logical.Operation{logical.DeleteOperation}},
}

func (a *apiTables) operations(names []string) []string {
	table := []string{"| method | path | answer | |", "|---|---|---|---|"}
	for _, name := range names {
		for _, method := range methods {
			var statuses, texts []string
			for _, operation := range method.operations {
				handler := a.paths[name].Operations[operation]
				if handler == nil {
					continue
				}
				a.shown["operation "+name+" "+string(operation)] = true
				properties := handler.Properties()
				for _, text := range []string{properties.Summary, properties.Description} {
					if text != "" && !slices.Contains(texts, text) {
						texts = append(texts, text)
					}
				}
				for status := range properties.Responses {
					statuses = append(statuses, fmt.Sprint(status))
				}
			}
			if texts != nil {
				slices.Sort(statuses)
				table = append(table, row("`"+method.name+"`", "`"+name+"`", strings.Join(slices.Compact(statuses), ", "), prose(texts...)))
			}
		}
	}
	return table
}

func (a *apiTables) fields(names, fields []string, named map[string]bool) ([]string, error) {
	merged := map[string]*framework.FieldSchema{}
	for _, name := range names {
		for field, schema := range a.paths[name].Fields {
			if len(fields) == 0 && named[name+" "+field] {
				continue
			}
			if len(fields) > 0 && !slices.Contains(fields, field) {
				continue
			}
			if before := merged[field]; before != nil && before.Description != schema.Description {
				return nil, fmt.Errorf("%s means different things to %s", field, strings.Join(names, " and "))
			}
			merged[field] = schema
			a.shown["field "+name+" "+field] = true
		}
	}
	if len(fields) == 0 {
		fields = slices.Sorted(maps.Keys(merged))
	}
	table := []string{"| field | type | default | meaning |", "|---|---|---|---|"}
	for _, field := range fields {
		schema := merged[field]
		if schema == nil {
			return nil, fmt.Errorf("%s has no field %s", strings.Join(names, ", "), field)
		}
		shown := field
		if strings.Contains(strings.Join(names, " "), ":"+field) {
			shown = ":" + field
		}
		table = append(table, row("`"+shown+"`", typeName(schema.Type), defaultValue(schema.Default), prose(schema.Description)))
	}
	return table, nil
}

func (a *apiTables) answers(names []string) ([]string, error) {
	var order []string               // of the rows, without their first cell
	answersTo := map[string]string{} // the first cell
	for _, name := range names {
		for _, method := range methods {
			for _, operation := range method.operations {
				parts := answerParts(a.paths[name], operation)
				for _, field := range slices.Sorted(maps.Keys(parts)) {
					a.shown["answer "+name+" "+string(operation)+" "+field] = true
					cells := row("`"+field+"`", typeName(parts[field].Type), prose(parts[field].Description))
					request := "`" + method.name + " " + name + "`"
					switch before := answersTo[cells]; {
					case before == "":
						order = append(order, cells)
						answersTo[cells] = request
					case !strings.Contains(before, request):
						answersTo[cells] = before + ", " + request
					}
				}
			}
		}
	}
	if order == nil {
		return nil, fmt.Errorf("answers of %s have nothing beside the fields that are sent", strings.Join(names, ", "))
	}
	table := []string{"| answer to | field | type | meaning |", "|---|---|---|---|"}
	for _, cells := range order {
		table = append(table, "| "+answersTo[cells]+" "+cells)
	}
	return table, nil
}

// answerParts returns what answers to an operation have beside the fields that can be sent.
func answerParts(path *framework.Path, operation logical.Operation) map[string]*framework.FieldSchema {
	parts := map[string]*framework.FieldSchema{}
	handler := path.Operations[operation]
	if handler == nil {
		return parts
	}
	for _, responses := range handler.Properties().Responses {
		for _, response := range responses {
			for field, schema := range response.Fields {
				if sent := path.Fields[field]; sent == nil || sent.Description != schema.Description {
					parts[field] = schema
				}
			}
		}
	}
	return parts
}

// missing returns what the schemas have and no table shows.
func (a *apiTables) missing() []string {
	var missing []string
	require := func(key string) {
		if !a.shown[key] {
			missing = append(missing, key)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a.paths)) {
		for field := range a.paths[name].Fields {
			require("field " + name + " " + field)
		}
		for operation := range a.paths[name].Operations {
			if operation == logical.AliasLookaheadOperation { // Vault's own, without an HTTP method
				continue
			}
			require("operation " + name + " " + string(operation))
			for field := range answerParts(a.paths[name], operation) {
				require("answer " + name + " " + string(operation) + " " + field)
			}
		}
	}
	slices.Sort(missing)
	return missing
}

func row(cells ...string) string { return "| " + strings.Join(cells, " | ") + " |" }

func typeName(fieldType framework.FieldType) string {
	switch fieldType {
	case framework.TypeInt, framework.TypeInt64:
		return "integer"
	case framework.TypeFloat:
		return "number"
	case framework.TypeBool:
		return "boolean"
	case framework.TypeDurationSecond:
		return "duration"
	case framework.TypeSlice, framework.TypeStringSlice, framework.TypeCommaStringSlice:
		return "list"
	case framework.TypeMap, framework.TypeKVPairs:
		return "map"
	default:
		return fieldType.String()
	}
}

// defaultValue returns the cell of a default. Without one, a field is empty, false or 0.
func defaultValue(value any) string {
	switch text := fmt.Sprint(value); {
	case value == nil:
		return ""
	case text == "":
		return "`\"\"`"
	case text == "map[]":
		return "`{}`"
	default:
		return "`" + strings.ReplaceAll(text, "|", `\|`) + "`"
	}
}

var (
	quotedWord = regexp.MustCompile(`"([^"\s]+)"`)
	codeWord   = regexp.MustCompile("`[^`]*`|" + // what is code already, or
		`[^\s"(),;]*(?:[<>$_|\\*]|\{\{|\w=\w|://)[^\s"(),;]*`) // what Markdown may take for its own
)

// prose returns descriptions as one text of Markdown: names of fields, values and patterns are code.
func prose(texts ...string) string {
	text := strings.Join(strings.Fields(strings.Join(texts, " ")), " ")
	text = quotedWord.ReplaceAllString(text, "`$1`")
	text = codeWord.ReplaceAllStringFunc(text, func(word string) string {
		code := strings.TrimRight(word, ".:")
		return "`" + strings.Trim(code, "`") + "`" + word[len(code):]
	})
	return strings.ReplaceAll(text, "|", `\|`)
}
