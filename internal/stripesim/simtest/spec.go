package simtest

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/stripe/stripe-mock/embedded"
	"github.com/stripe/stripe-mock/server"
	"github.com/stripe/stripe-mock/spec"
)

// contract is Stripe's own OpenAPI description of 2023-10-16, as stripe-mock
// carries it. It is loaded once per process and never changes.
type contract struct {
	mock  *server.StubServer
	spec  *spec.Spec
	parts *spec.ComponentsForValidation
	kinds map[string]string // an object's "object" → the name of its schema
	paths []operationPath

	allowed map[string]bool // differences from stripe-mock's answers

	mu         sync.Mutex
	validators map[string]validator
}

// validator is what stripe-mock makes of a schema.
type validator interface{ Validate(any) error }

type operationPath struct {
	pattern *regexp.Regexp
	path    spec.Path
}

var loadContract = sync.OnceValues(func() (*contract, error) {
	fixtures, err := server.LoadFixtures(embedded.OpenAPIFixtures, "")
	if err != nil {
		return nil, fmt.Errorf("load stripe-mock's fixtures: %w", err)
	}
	forMock, err := server.LoadSpec(embedded.OpenAPISpec, "")
	if err != nil {
		return nil, fmt.Errorf("load stripe-mock's spec: %w", err)
	}
	mock, err := server.NewStubServer(fixtures, forMock, true, false)
	if err != nil {
		return nil, fmt.Errorf("start stripe-mock: %w", err)
	}
	strict, err := server.LoadSpec(embedded.OpenAPISpec, "") // a second copy: ours is made stricter
	if err != nil {
		return nil, fmt.Errorf("load stripe-mock's spec: %w", err)
	}
	differences, err := allowed()
	if err != nil {
		return nil, err
	}
	c := &contract{mock: mock, spec: strict, kinds: map[string]string{}, validators: map[string]validator{}, allowed: differences}
	c.prepare()
	return c, nil
})

func (c *contract) prepare() {
	for name, schema := range c.spec.Components.Schemas {
		tighten(schema)
		if schema.XResourceID != "" && !strings.HasPrefix(name, "deleted_") {
			c.kinds[schema.XResourceID] = name
		}
	}
	c.parts = spec.GetComponentsForValidation(&c.spec.Components)
	parameter := regexp.MustCompile(`\{\w+\}`)
	for path := range c.spec.Paths {
		pattern := regexp.MustCompile("^" + parameter.ReplaceAllString(string(path), "[^/]+") + "$")
		c.paths = append(c.paths, operationPath{pattern, path})
	}
}

// tighten mends what the translation to JSON Schema loses: null where an enum
// or a choice is nullable; and it forbids keys that Stripe does not have.
func tighten(s *spec.Schema) {
	if s == nil {
		return
	}
	if s.Nullable && len(s.Enum) > 0 {
		s.Enum = append(s.Enum, nil)
	}
	for _, choice := range s.AnyOf {
		tighten(choice)
	}
	if s.Nullable && len(s.AnyOf) > 0 {
		s.AnyOf = append(s.AnyOf, &spec.Schema{Enum: []any{nil}, AdditionalPropertiesAllowed: true})
		s.Nullable = false
	}
	for _, property := range s.Properties {
		tighten(property)
	}
	tighten(s.Items)
	if len(s.Properties) > 0 && s.AdditionalProperties == nil {
		s.AdditionalPropertiesAllowed = false
	}
}

// operation finds what Stripe's description says of a call, and under which
// path; nil for none. A path without parameters wins over one with.
func (c *contract) operation(method, path string) (found *spec.Operation, at spec.Path) {
	for _, p := range c.paths {
		op := c.spec.Paths[p.path][spec.HTTPVerb(strings.ToLower(method))]
		if op != nil && p.pattern.MatchString(path) && (found == nil || !strings.Contains(string(p.path), "{")) {
			found, at = op, p.path
		}
	}
	return found, at
}

// checkKind validates an object against the schema of its kind.
func (c *contract) checkKind(o map[string]any) error {
	kind, _ := o["object"].(string)
	name, known := c.kinds[kind]
	if !known {
		return fmt.Errorf("stripe has no object %q", kind)
	}
	return c.check("#"+name, &spec.Schema{Ref: "#/components/schemas/" + name, AdditionalPropertiesAllowed: true}, o)
}

// check validates a value; validators are kept by name.
func (c *contract) check(name string, schema *spec.Schema, value any) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	v := c.validators[name]
	if v == nil {
		var err error
		if v, err = spec.GetValidatorForOpenAPI3Schema(schema, c.parts); err != nil {
			return fmt.Errorf("build the validator of %s: %w", name, err)
		}
		c.validators[name] = v
	}
	return v.Validate(value)
}

func decoded(raw []byte) (map[string]any, error) {
	var o map[string]any
	err := json.Unmarshal(raw, &o)
	return o, err
}
