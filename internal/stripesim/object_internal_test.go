package stripesim

import (
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDifferenceTellsWhatWas(t *testing.T) {
	t.Parallel()
	before := object{
		"same": "x", "text": "old", "gone": "was", "_note": "a",
		"hash": object{"kept": int64(1), "changed": int64(2)},
		"list": []any{"a"}, "object": "thing",
		"items": object{"object": "list", "data": []any{"a"}},
		"null":  nil,
	}
	after := object{
		"same": "x", "text": "new", "_note": "b", "added": "y",
		"hash": object{"kept": int64(1), "changed": int64(3), "more": true},
		"list": []any{"a", "b"}, "object": "thing",
		"items": object{"object": "list", "data": []any{"b"}},
		"null":  object{"now": "set"},
	}
	want := object{
		"text": "old", "gone": "was", "added": nil, "hash": object{"changed": int64(2), "more": nil},
		"list": []any{"a"}, "items": object{"object": "list", "data": []any{"a"}}, "null": nil,
	}
	if diff := cmp.Diff(want, difference(before, after)); diff != "" {
		t.Errorf("previous attributes (-want +got):\n%s", diff)
	}
}

func TestNestedForms(t *testing.T) {
	t.Parallel()
	form, err := url.ParseQuery("a=1&b[c]=2&b[d][0][e]=3&f[]=4&f[]=5")
	if err != nil {
		t.Fatal(err)
	}
	got, refused := nested(form)
	want := object{
		"a": "1", "b": object{"c": "2", "d": object{"0": object{"e": "3"}}}, "f": object{"0": "4", "1": "5"},
	}
	if diff := cmp.Diff(want, got); diff != "" || refused != nil {
		t.Errorf("refused %v (-want +got):\n%s", refused, diff)
	}
	for _, bad := range []string{"a[b=1", "[a]=1", "a=1&a[b]=2", "=1", "a[b]c=1"} {
		form, err := url.ParseQuery(bad)
		if err != nil {
			t.Fatal(err)
		}
		if got, refused := nested(form); refused == nil {
			t.Errorf("%q was read as %v", bad, got)
		}
	}
}

func FuzzForms(f *testing.F) {
	for _, seed := range []string{"a=1", "line_items[0][price]=x", "a[]=1&a[]=2", "a[b][c]=1&a=2", "metadata[k]=v", "expand[]=data.x", "[[[]]]=1"} {
		f.Add(seed)
	}
	takes := sessionFields.and(everyCall)
	f.Fuzz(func(t *testing.T, query string) {
		form, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		tree, refused := nested(form)
		if refused != nil {
			return
		}
		if params, refused := takes.decode(tree, ""); refused == nil && params["mode"] == nil {
			t.Errorf("%q passed without a mode", query)
		}
	})
}

func TestAmountsForPeople(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		amount   int64
		currency string
		want     string
	}{
		{1000, "eur", "€10.00"}, {5, "eur", "€0.05"}, {0, "usd", "US$0.00"}, {500, "jpy", "¥500"}, {0, "jpy", "¥0"},
		{1250, "kwd", "KWD 1.250"}, {-1050, "chf", "-CHF 10.50"}, {7, "krw", "KRW 7"},
	} {
		if got := formatted(c.amount, c.currency); got != c.want {
			t.Errorf("%d %s: %q, want %q", c.amount, c.currency, got, c.want)
		}
	}
}

func TestEveryTestCardIsANumber(t *testing.T) {
	t.Parallel()
	for number := range cards {
		if !luhn(number) {
			t.Errorf("%s fails the check of card numbers", number)
		}
	}
	if luhn("4242424242424241") || luhn("42424242424242x2") {
		t.Error("a wrong number passes")
	}
}
