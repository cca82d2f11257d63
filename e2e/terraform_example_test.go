package e2e

import (
	"encoding/json"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stretchr/testify/require"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// declaration is a resource of examples/terraform, with the values that Terraform would give to the
// provider.
type declaration struct {
	Type, Name string // Name has the key of for_each: user["bob"]
	Attributes map[string]any
	Tune       map[string]any // of the block tune
}

func (d declaration) address() string { return d.Type + "." + d.Name }

// with returns the declaration with an attribute changed; nil means that it is not given any more.
func (d declaration) with(attribute string, value any) declaration {
	d.Attributes = maps.Clone(d.Attributes)
	if d.Attributes[attribute] = value; value == nil {
		delete(d.Attributes, attribute)
	}
	return d
}

// data returns the fields that a generic endpoint writes.
func (d declaration) data(t testing.TB) map[string]any {
	t.Helper()
	var data map[string]any
	require.NoError(t, json.Unmarshal([]byte(d.Attributes["data_json"].(string)), &data))
	return data
}

// withData is with for a field of a generic endpoint.
func (d declaration) withData(t testing.TB, field string, value any) declaration {
	t.Helper()
	data := d.data(t)
	data[field] = value
	text, err := json.Marshal(data)
	require.NoError(t, err)
	return d.with("data_json", string(text))
}

// terraformExample is what examples/terraform says, as far as it is evaluated.
type terraformExample struct {
	t         testing.TB
	variables map[string]cty.Value
	locals    map[string]cty.Value
	resources map[string]map[string]cty.Value // by type and name
	waiting   []*hclsyntax.Block
	done      []declaration
}

// readExample evaluates the resources of examples/terraform, in an order in which they can be made.
func readExample(t testing.TB, variables map[string]string) []declaration {
	t.Helper()
	e := &terraformExample{
		t: t, variables: map[string]cty.Value{}, locals: map[string]cty.Value{},
		resources: map[string]map[string]cty.Value{},
	}
	files, err := filepath.Glob("../examples/terraform/*.tf")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var locals []*hclsyntax.Block
	parser := hclparse.NewParser()
	for _, file := range files {
		parsed, problems := parser.ParseHCLFile(file)
		require.False(t, problems.HasErrors(), "%s", problems)
		for _, block := range parsed.Body.(*hclsyntax.Body).Blocks {
			switch block.Type {
			case "variable":
				e.variable(block, variables)
			case "locals":
				locals = append(locals, block)
			case "resource":
				e.waiting = append(e.waiting, block)
			}
		}
	}
	for len(e.waiting) > 0 {
		before := len(e.waiting)
		for _, block := range locals {
			for name, attribute := range block.Body.Attributes {
				if e.isKnown(attribute.Expr) {
					e.locals[name] = e.value(attribute.Expr)
				}
			}
		}
		e.waiting = slices.DeleteFunc(e.waiting, e.resource)
		require.Less(t, len(e.waiting), before, "resources wait for each other")
	}
	return e.done
}

// variable takes a variable's value, or its default.
func (e *terraformExample) variable(block *hclsyntax.Block, values map[string]string) {
	name := block.Labels[0]
	if value, given := values[name]; given {
		e.variables[name] = cty.StringVal(value)
		return
	}
	fallback := block.Body.Attributes["default"]
	require.NotNil(e.t, fallback, "the variable %s has no value", name)
	e.variables[name] = e.value(fallback.Expr)
}

// resource evaluates a resource, and reports whether all that it names was evaluated before.
func (e *terraformExample) resource(block *hclsyntax.Block) bool {
	bodies := []*hclsyntax.Body{block.Body}
	for _, inner := range block.Body.Blocks {
		bodies = append(bodies, inner.Body)
	}
	for _, body := range bodies {
		for _, attribute := range body.Attributes {
			if !e.isKnown(attribute.Expr) {
				return false
			}
		}
	}
	kind, name := block.Labels[0], block.Labels[1]
	if e.resources[kind] == nil {
		e.resources[kind] = map[string]cty.Value{}
	}
	keys := map[string]cty.Value{"": cty.NilVal}
	if each := block.Body.Attributes["for_each"]; each != nil {
		keys = e.value(each.Expr).AsValueMap()
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		values := map[string]cty.Value{}
		made := declaration{Type: kind, Name: name, Attributes: map[string]any{}, Tune: map[string]any{}}
		if key != "" {
			made.Name += `["` + key + `"]`
		}
		for attribute, expression := range block.Body.Attributes {
			if attribute != "for_each" && attribute != "depends_on" {
				values[attribute] = e.valueFor(expression.Expr, key, keys[key])
				made.Attributes[attribute] = goValue(e.t, values[attribute])
			}
		}
		for _, inner := range block.Body.Blocks {
			require.Equal(e.t, "tune", inner.Type)
			for attribute, expression := range inner.Body.Attributes {
				made.Tune[attribute] = goValue(e.t, e.value(expression.Expr))
			}
		}
		e.resources[kind][name] = cty.ObjectVal(values)
		e.done = append(e.done, made)
	}
	return true
}

// isKnown reports whether all that an expression names has been evaluated.
func (e *terraformExample) isKnown(expression hclsyntax.Expression) bool {
	for _, traversal := range expression.Variables() {
		name := ""
		if len(traversal) > 1 {
			step, isName := traversal[1].(hcl.TraverseAttr)
			require.True(e.t, isName)
			name = step.Name
		}
		switch root := traversal.RootName(); root {
		case "var", "each":
		case "local":
			if _, known := e.locals[name]; !known {
				return false
			}
		default:
			if _, known := e.resources[root][name]; !known {
				return false
			}
		}
	}
	return true
}

func (e *terraformExample) value(expression hclsyntax.Expression) cty.Value {
	return e.valueFor(expression, "", cty.NilVal)
}

// valueFor returns the value of an expression, for a key of for_each if there is one.
func (e *terraformExample) valueFor(expression hclsyntax.Expression, key string, each cty.Value) cty.Value {
	scope := map[string]cty.Value{"var": cty.ObjectVal(e.variables), "local": cty.ObjectVal(e.locals)}
	for kind, named := range e.resources {
		scope[kind] = cty.ObjectVal(named)
	}
	if key != "" {
		scope["each"] = cty.ObjectVal(map[string]cty.Value{"key": cty.StringVal(key), "value": each})
	}
	value, problems := expression.Value(&hcl.EvalContext{Variables: scope, Functions: map[string]function.Function{
		"jsonencode": stdlib.JSONEncodeFunc, "sort": stdlib.SortFunc,
	}})
	require.False(e.t, problems.HasErrors(), "%s", problems)
	return value
}

// goValue returns the value as JSON has it.
func goValue(t testing.TB, value cty.Value) any {
	t.Helper()
	text, err := ctyjson.Marshal(value, value.Type())
	require.NoError(t, err)
	var decoded any
	require.NoError(t, json.Unmarshal(text, &decoded))
	return decoded
}
