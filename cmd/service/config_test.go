package service_test

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"newsroom.example/membership/cmd/service"
)

// Every setting has a row in docs/configuration.md, with its default and whether it
// is a secret, and no row is about a setting of the past.
func TestEverySettingIsDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	page, _, _ := strings.Cut(string(text), "\n## ")
	rows := map[string]string{} // the second column by the first
	for line := range strings.Lines(page) {
		if cells := strings.Split(line, "|"); strings.HasPrefix(line, "| `") {
			rows[strings.Trim(cells[1], " `")] = cells[2]
		}
	}
	fields := slices.DeleteFunc(reflect.VisibleFields(reflect.TypeFor[service.Config]()), func(f reflect.StructField) bool { return !f.IsExported() })
	for _, field := range fields {
		name := field.Tag.Get("env")
		row, ok := rows[name]
		if !ok {
			t.Errorf("%s is not documented", name)
		}
		if value := field.Tag.Get("envDefault"); value != "" && !strings.Contains(row, "`"+value+"`") {
			t.Errorf("%s: the default is %s, the page says %q", name, value, row)
		}
		if secret := slices.Contains(service.Secrets, name); secret != strings.Contains(row, "*secret*") {
			t.Errorf("%s: secret is %t, the page says %q", name, secret, row)
		}
	}
	if len(rows) != len(fields) {
		t.Errorf("%d rows for %d settings", len(rows), len(fields))
	}
}
