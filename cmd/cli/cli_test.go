package cli

import "testing"

func TestCommandLineMistakesAreExplained(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"unknown command":    {"server"},
		"unknown subcommand": {"config", "chekc"},
		"unknown flag":       {"serve", "--port", "8080"},
		"no catalogue":       {"catalog", "apply"},
		"no such catalogue":  {"catalog", "apply", "nowhere.yaml"},
		"too many arguments": {"migrate", "now"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			membership(t, nil, args...).want(2, "membership --help")
		})
	}
}

func TestHelpNamesEveryCommand(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"--help"}} {
		membership(t, nil, args...).want(0, "serve", "migrate", "config check", "catalog apply", "healthcheck")
	}
	membership(t, nil, "catalog", "apply", "--help").want(0, "--dry-run", "catalog.yaml")
}
