package stripesim

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// walk pages through found and answers the ids in the order they were seen.
func walk(t *rapid.T, found []object, limit int64) []string {
	var seen []string
	for {
		c := &call{params: object{"limit": limit}}
		if len(seen) > 0 {
			c.params["starting_after"] = seen[len(seen)-1]
		}
		got, err := page(found, "customer", c)
		if err != nil {
			t.Fatal(err)
		}
		data := objects(array(got, "data"))
		for _, o := range data {
			seen = append(seen, str(o, "id"))
		}
		if len(data) > int(limit) {
			t.Fatalf("%d on a page of %d", len(data), limit)
		}
		if !flag(got, "has_more") {
			return seen
		}
	}
}

// Paging forward meets every object once, in order; a page that ends before an
// object is the one just before it.
func TestPagingMeetsEveryObjectOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var found []object
		var ids []string
		for i := range rapid.IntRange(1, 60).Draw(t, "n") {
			id := fmt.Sprint("cus_", i)
			found, ids = append(found, object{"id": id}), append(ids, id)
		}
		limit := rapid.Int64Range(1, 100).Draw(t, "limit")
		if got := walk(t, found, limit); !slices.Equal(got, ids) {
			t.Fatalf("forward: %v", got)
		}
		back := append(slices.Clone(found), object{"id": "cus_last"})
		c := &call{params: object{"limit": limit, "ending_before": "cus_last"}}
		got, err := page(back, "customer", c)
		if err != nil {
			t.Fatal(err)
		}
		data := objects(array(got, "data"))
		want := ids[max(0, len(ids)-int(limit)):]
		for i, o := range data {
			if str(o, "id") != want[i] {
				t.Fatalf("before the last: %v, want %v", data, want)
			}
		}
		if len(data) != len(want) || flag(got, "has_more") != (len(ids) > int(limit)) {
			t.Fatalf("before the last: %d of %d, more %v", len(data), len(ids), flag(got, "has_more"))
		}
	})
}
