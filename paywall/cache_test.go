package paywall

import (
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// Whatever is put in and asked for, the cache gives back what was put under
// that name and never holds more than its size.
func TestCacheIsBoundedAndRight(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(2, 9).Draw(t, "size")
		c := newCache(size)
		for _, n := range rapid.SliceOfN(rapid.IntRange(0, 20), 0, 200).Draw(t, "tokens") {
			token := strconv.Itoa(n)
			if m := c.get(token); m == nil {
				c.put(token, &Member{ID: token})
			} else if m.ID != token {
				t.Fatalf("%s gave %s", token, m.ID)
			}
			if c.get(token) == nil {
				t.Fatal("what was used a moment ago is forgotten")
			}
			if held := len(c.young) + len(c.old); held > size {
				t.Fatalf("holds %d of %d", held, size)
			}
		}
	})
}

func TestCacheKeepsWhatIsUsed(t *testing.T) {
	t.Parallel()
	c := newCache(8)
	c.put("regular", &Member{ID: "regular"})
	for n := range 100 {
		c.put(strconv.Itoa(n), &Member{})
		if c.get("regular") == nil {
			t.Fatalf("forgotten after %d others", n+1)
		}
	}
}
