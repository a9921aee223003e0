package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

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
	if err != nil {
		return cfg, fmt.Errorf("read the environment: %w", err)
	}
	return cfg, nil
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
	fmt.Fprintf(&b, "%d settings are missing or wrong:", len(faults))
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
