package cli

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	"newsroom.example/membership/cmd/service"
)

// readConfig makes the Config of an environment. A secret NAME may be given as
// NAME_FILE, the path of a file that holds it.
func readConfig(environ []string) (service.Config, error) {
	variables := env.ToMap(environ)
	if err := readSecretFiles(variables); err != nil {
		return service.Config{}, err
	}
	cfg, err := env.ParseAsWithOptions[service.Config](env.Options{Environment: variables})
	var wrong env.AggregateError
	if errors.As(err, &wrong) {
		return cfg, unreadable(wrong)
	}
	return cfg, err
}

// unreadableError names the settings that are not of their type. The rest of the
// Config has been read.
type unreadableError struct{ faults []service.Fault }

func (e *unreadableError) Error() string { return faultsError(e.faults).Error() }

// names says whether a fault is about one of these settings: a number that was not
// read is also below any minimum.
func (e *unreadableError) names(f service.Fault) bool {
	return slices.ContainsFunc(e.faults, func(mine service.Fault) bool { return mine.Name == f.Name })
}

// unreadable says it in the words of who wrote the settings: env names Go's fields,
// and quotes their values.
func unreadable(wrong env.AggregateError) error {
	var faults []service.Fault
	for _, err := range wrong.Errors {
		var parse env.ParseError
		if !errors.As(err, &parse) {
			return fmt.Errorf("read the environment: %w", err)
		}
		field, _ := reflect.TypeFor[service.Config]().FieldByName(parse.Name)
		fault := service.Fault{Name: field.Tag.Get("env"), Problem: "is not a number", Example: field.Tag.Get("envDefault")}
		switch {
		case field.Type.Kind() == reflect.Bool:
			fault.Problem, fault.Example = "is neither true nor false", "true"
		case field.Type == reflect.TypeFor[time.Duration]():
			fault.Problem = "is not a span of time"
		case fault.Example == "":
			fault.Example = "100"
		}
		faults = append(faults, fault)
	}
	return &unreadableError{faults}
}

func readSecretFiles(variables map[string]string) error {
	for _, name := range service.Secrets {
		path, ok := variables[name+"_FILE"]
		if !ok || path == "" {
			continue
		}
		if variables[name] != "" {
			return fmt.Errorf("%s and %s_FILE are both set: keep one", name, name)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("%s_FILE: %w", name, err)
		}
		variables[name] = strings.TrimSpace(string(text))
	}
	return nil
}

func faultsError(faults []service.Fault) error {
	var b strings.Builder
	fmt.Fprintf(&b, "missing or wrong settings (%d):", len(faults))
	for _, fault := range faults {
		b.WriteString("\n  ")
		b.WriteString(fault.String())
	}
	return fmt.Errorf("%s", b.String())
}

type configCheckCmd struct{}

// Help is kong's long help.
func (configCheckCmd) Help() string {
	return "Checks the environment and prints every fault at once. Secrets are never printed.\n\nExample: membership config check && membership serve"
}

// Run prints that all is well, or returns every fault.
func (configCheckCmd) Run(s *streams) error {
	cfg, err := s.config()
	if err != nil {
		return err
	}
	fmt.Fprintf(s.stdout, "The configuration is complete: %s, articles at %s.\n", cfg.PublicURL, strings.Join(slices.Clone(cfg.ArticleOrigins), ", "))
	return nil
}
