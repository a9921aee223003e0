package simtest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestComparedNamesEveryDifferenceByItsKind(t *testing.T) {
	t.Parallel()
	ours := map[string]any{
		"object": "invoice", "total": "5", "paid": nil, "odd": true, "metadata": map[string]any{"a": "b"},
		"lines": map[string]any{"object": "list", "data": []any{
			map[string]any{"object": "line_item", "period": map[string]any{"start": 1.0}},
			map[string]any{"object": "line_item", "period": []any{}},
		}},
	}
	theirs := map[string]any{
		"object": "invoice", "total": 5.0, "paid": true, "number": "1", "metadata": map[string]any{},
		"lines": map[string]any{"object": "list", "data": []any{
			map[string]any{"object": "line_item", "period": map[string]any{"start": 1.0, "end": 2.0}},
		}},
	}
	c := compared(ours, theirs)
	want := []string{
		"invoice number lacking", "invoice odd extra", "invoice total string-for-float64",
		"line_item period list-for-object", "line_item period.end lacking",
	}
	if diff := cmp.Diff(want, c.unknown(nil)); diff != "" {
		t.Errorf("differences (-want +got):\n%s", diff)
	}
	if got := c.unknown(map[string]bool{"invoice odd extra": true}); len(got) != 4 {
		t.Errorf("with one allowed: %v", got)
	}
	if diff := cmp.Diff(map[string]bool{"invoice": true, "line_item": true}, c.kinds); diff != "" {
		t.Errorf("kinds (-want +got):\n%s", diff)
	}
	other := compared(map[string]any{"object": "charge"}, map[string]any{"object": "refund"})
	if diff := cmp.Diff([]string{"answer  another-kind"}, other.unknown(nil)); diff != "" {
		t.Errorf("another kind (-want +got):\n%s", diff)
	}
}
