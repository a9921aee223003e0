package paywall

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestObject(t *testing.T) {
	t.Parallel()
	members := func(data string) (map[string]string, error) {
		got := map[string]string{}
		_, err := object([]byte(data), func(name, value string) error { got[name] = value; return nil })
		return got, err
	}
	for data, want := range map[string]map[string]string{
		`{}`:                      {},
		" { \"a\" : 1 }\n":        {"a": "1"},
		`{"a":"}\",{","b":[1,2]}`: {"a": `"}\",{"`, "b": "[1,2]"},
		`{"a":{"b":{"a":[]}},"":null , "c":"\\"}`: {"a": `{"b":{"a":[]}}`, "": "null", "c": `"\\"`},
	} {
		if got, err := members(data); err != nil || !cmp.Equal(got, want) {
			t.Errorf("%s: %v, %v", data, got, err)
		}
	}
	for _, data := range []string{
		``, `[]`, `"a"`, `null`, `{"a":1}x`, `{"a":1,}`, `{"a":1,"a":1}`,
		`{"\u0061":1}`, "{\"a\":\"\xff\"}", `{"a":1}{"a":1}`, "\ufeff{}",
	} {
		if got, err := members(data); err == nil {
			t.Errorf("%s: accepted as %v", data, got)
		}
	}
}
