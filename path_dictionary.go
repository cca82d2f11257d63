package radiusauth

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-auth-radius/internal/catalog"
	"vault-plugin-auth-radius/internal/dictionary"
	"vault-plugin-auth-radius/internal/kv"
	"vault-plugin-auth-radius/internal/username"
)

// maxFoundAttributes is the largest number of attributes that a search returns.
const maxFoundAttributes = 100

func (b *backend) pathAttributes() *framework.Path {
	return &framework.Path{
		Pattern:      "dictionary/attributes/?$",
		DisplayAttrs: &framework.DisplayAttributes{OperationPrefix: operationPrefix, OperationSuffix: "dictionary-attributes"},
		Fields: map[string]*framework.FieldSchema{
			fieldSearch: {
				Type:        framework.TypeString,
				Query:       true,
				Description: "Part of the names, in any case. Empty: all.",
			},
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation: &framework.PathOperation{
				Callback: b.attributesSearch,
				Summary:  "Search RADIUS attributes by name.",
				Responses: dataResponses(map[string]*framework.FieldSchema{
					"attributes": {
						Type:        framework.TypeSlice,
						Description: "The first 100 attributes found: those of the IETF first, then by name.",
						Required:    true,
					},
				}),
			},
		},
		HelpSynopsis:    "Search RADIUS attributes by name.",
		HelpDescription: dictionaryHelpDescription,
	}
}

func (b *backend) pathAttribute() *framework.Path {
	return &framework.Path{
		Pattern:      `dictionary/attributes/(?P<name>[^/]+)`,
		DisplayAttrs: &framework.DisplayAttributes{OperationPrefix: operationPrefix, OperationSuffix: "dictionary-attribute"},
		Fields: map[string]*framework.FieldSchema{
			fieldName: {
				Type:        framework.TypeString,
				Description: "Name of the attribute, in any case.",
			},
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation: &framework.PathOperation{
				Callback:  b.attributeRead,
				Summary:   "Look up a RADIUS attribute.",
				Responses: dataResponses(attributeResponseFields()),
			},
		},
		HelpSynopsis:    "Look up a RADIUS attribute.",
		HelpDescription: dictionaryHelpDescription,
	}
}

func attributeResponseFields() map[string]*framework.FieldSchema {
	return map[string]*framework.FieldSchema{
		"name": {
			Type:        framework.TypeString,
			Description: "Name.",
			Required:    true,
		},
		"vendor": {
			Type:        framework.TypeInt64,
			Description: "Enterprise number of the vendor; 0: IETF, or internal to FreeRADIUS.",
			Required:    true,
		},
		"number": {
			Type:        framework.TypeInt64,
			Description: "Number, within the vendor's.",
			Required:    true,
		},
		"type": {
			Type:        framework.TypeString,
			Description: "Type, as FreeRADIUS calls it.",
			Required:    true,
		},
		"tagged": {
			Type:        framework.TypeBool,
			Description: "Whether it takes a tag, such as Tunnel-Type:1.",
			Required:    true,
		},
		"internal": {
			Type:        framework.TypeBool,
			Description: "Whether it is never sent.",
			Required:    true,
		},
		"values": {
			Type:        framework.TypeMap,
			Description: "Named values.",
			Required:    true,
		},
	}
}

func attributeData(attribute *dictionary.Attribute) map[string]any {
	values := map[string]any{}
	for _, value := range attribute.Values() {
		values[value.Name] = value.Number
	}
	return map[string]any{
		"name":     attribute.Name,
		"vendor":   int64(attribute.Vendor),
		"number":   int64(attribute.Number),
		"type":     attribute.Type.String(),
		"tagged":   attribute.Tagged,
		"internal": attribute.Internal,
		"values":   values,
	}
}

func (b *backend) attributesSearch(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	known, err := b.dictionaries.Get(ctx, storageOf(req))
	if err != nil {
		return nil, err
	}
	attributes := []any{}
	for _, attribute := range known.Search(d.Get(fieldSearch).(string), maxFoundAttributes) {
		attributes = append(attributes, map[string]any{
			"name": attribute.Name, "type": attribute.Type.String(), "vendor": int64(attribute.Vendor), "number": int64(attribute.Number),
		})
	}
	return &logical.Response{Data: map[string]any{"attributes": attributes}}, nil
}

func (b *backend) attributeRead(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	known, err := b.dictionaries.Get(ctx, storageOf(req))
	if err != nil {
		return nil, err
	}
	attribute, found := known.Lookup(d.Get(fieldName).(string))
	if !found {
		return nil, nil
	}
	return &logical.Response{Data: attributeData(attribute)}, nil
}

func (b *backend) pathCustomDictionaries() *framework.Path {
	return &framework.Path{
		Pattern:      "dictionary/custom/?$",
		DisplayAttrs: &framework.DisplayAttributes{OperationPrefix: operationPrefix, OperationSuffix: "custom-dictionaries"},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ListOperation: &framework.PathOperation{
				Callback: b.customDictionariesList,
				Summary:  "List custom dictionaries.",
				Responses: dataResponses(map[string]*framework.FieldSchema{
					"keys": {
						Type:        framework.TypeStringSlice,
						Description: "Names.",
					},
				}),
			},
		},
		HelpSynopsis:    "List custom dictionaries.",
		HelpDescription: dictionaryHelpDescription,
	}
}

func (b *backend) pathCustomDictionary() *framework.Path {
	return &framework.Path{
		Pattern:      `dictionary/custom/(?P<name>[A-Za-z0-9][A-Za-z0-9_.-]*)`,
		DisplayAttrs: &framework.DisplayAttributes{OperationPrefix: operationPrefix, OperationSuffix: "custom-dictionary"},
		Fields: map[string]*framework.FieldSchema{
			fieldName: {
				Type:        framework.TypeString,
				Description: "Name of the dictionary: letters, digits, ., - and _.",
			},
			fieldText: {
				Type:         framework.TypeString,
				Description:  "Text in FreeRADIUS's format, without $INCLUDE, at most 512 KiB. Required.",
				DisplayAttrs: &framework.DisplayAttributes{EditType: "textarea"},
			},
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation: &framework.PathOperation{
				Callback: b.customDictionaryRead,
				Summary:  "Read a custom dictionary.",
				Responses: dataResponses(map[string]*framework.FieldSchema{
					fieldText: {
						Type:        framework.TypeString,
						Description: "Text in FreeRADIUS's format.",
						Required:    true,
					},
				}),
			},
			logical.UpdateOperation: &framework.PathOperation{
				Callback:  b.customDictionaryWrite,
				Summary:   "Add a custom dictionary, or replace it.",
				Responses: writtenResponses(),
			},
			logical.DeleteOperation: &framework.PathOperation{
				Callback:  b.customDictionaryDelete,
				Summary:   "Delete a custom dictionary. Profiles that need it match no user from then on.",
				Responses: writtenResponses(),
			},
		},
		HelpSynopsis:    "Add attributes of a vendor.",
		HelpDescription: dictionaryHelpDescription,
	}
}

func (b *backend) customDictionariesList(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	names, err := storageOf(req).List(ctx, catalog.DictionaryKeyPrefix)
	if err != nil {
		return nil, fmt.Errorf("listing custom dictionaries: %w", err)
	}
	return logical.ListResponse(names), nil
}

func (b *backend) customDictionaryRead(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	name := d.Get(fieldName).(string)
	if !username.IsStorable(name) {
		return nil, nil // there is none
	}
	entry := catalog.Dictionary{}
	found, err := kv.Load(ctx, storageOf(req), catalog.DictionaryKeyPrefix+name, catalog.DictionaryLabel(name), &entry)
	if !found || err != nil {
		return nil, err
	}
	return &logical.Response{Data: map[string]any{fieldText: entry.Text}}, nil
}

func (b *backend) customDictionaryWrite(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	name, text := d.Get(fieldName).(string), d.Get(fieldText).(string)
	switch {
	case !username.IsStorable(name):
		return logical.ErrorResponse("name: Vault cannot store a name with two dots in a row"), nil
	case text == "":
		return logical.ErrorResponse("text cannot be empty: give a dictionary in FreeRADIUS's format"), nil
	case len(text) > dictionary.MaxTextLen:
		return logical.ErrorResponse("text has %d octets; %d is the most", len(text), dictionary.MaxTextLen), nil
	}
	b.references.Lock() // each dictionary is checked against the others
	defer b.references.Unlock()
	texts, err := catalog.LoadDictionaries(ctx, storageOf(req))
	if err != nil {
		return nil, err
	}
	texts[name] = text
	if _, invalid := catalog.Combine(texts); len(invalid) > 0 {
		return logical.ErrorResponse("text: %s", errors.Join(invalid...)), nil
	}
	defer b.dictionaryChanged()
	key, entry := catalog.DictionaryKeyPrefix+name, catalog.Dictionary{Text: text}
	if err := kv.Save(ctx, storageOf(req), key, catalog.DictionaryLabel(name), entry); err != nil {
		return nil, err
	}
	return writeResponse(d), nil
}

func (b *backend) customDictionaryDelete(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	name := d.Get(fieldName).(string)
	if !username.IsStorable(name) {
		return nil, nil // there is none
	}
	b.references.Lock()
	defer b.references.Unlock()
	defer b.dictionaryChanged()
	if err := storageOf(req).Delete(ctx, catalog.DictionaryKeyPrefix+name); err != nil {
		return nil, fmt.Errorf("deleting %s: %w", catalog.DictionaryLabel(name), err)
	}
	return nil, nil
}

// dictionaryChanged drops what was made with the old dictionary.
func (b *backend) dictionaryChanged() {
	b.dictionaries.Drop()
	b.profiles.Clear()
	b.settings.drop()
}

const dictionaryHelpDescription = `
The attributes that profiles may name are those of FreeRADIUS's dictionaries.
Search and look up:

    $ vault read auth/radius/dictionary/attributes search=tunnel
    $ vault read auth/radius/dictionary/attributes/Tunnel-Type

Attributes that are missing are added in the same format:

    $ vault write auth/radius/dictionary/custom/acme text=@dictionary.acme

Custom dictionaries are read in the order of their names: each may build on those
before it.
`
