package auth

import (
	"bytes"
	"testing"
	"time"
)

func TestAFormsKeyTellsItsAge(t *testing.T) {
	t.Parallel()
	b := setup(t)
	key := b.FormKey()
	if again := b.FormKey(); again == key {
		t.Error("two forms have one key")
	}
	for _, passed := range []time.Duration{0, 1500 * time.Millisecond, time.Hour} {
		b.clock.Advance(passed)
		want := passed
		if passed == time.Hour {
			want += 1500 * time.Millisecond
		}
		for _, text := range []string{key, key + "-0"} {
			if age, ok := b.FormAge(text); !ok || age != want {
				t.Errorf("%q is %s old, %t; want %s", text, age, ok, want)
			}
		}
	}
	other := replica(t, b.db, testConfig(), b.clock)
	if age, ok := other.FormAge(key); !ok || age == 0 {
		t.Errorf("another process takes it for %s, %t", age, ok)
	}
}

func TestAForgedFormHasNoAge(t *testing.T) {
	t.Parallel()
	b := setup(t)
	key := b.FormKey()
	for i := range key {
		forged := []byte(key)
		forged[i] ^= 1
		if age, ok := b.FormAge(string(forged)); ok {
			t.Errorf("with its character %d changed it is %s old", i, age)
		}
	}
	cfg := testConfig()
	cfg.Pepper = bytes.Repeat([]byte("another "), 4)
	stranger := replica(t, b.db, cfg, b.clock)
	for _, text := range []string{"", "0123456789abcdef0123456789abcdef", key[1:], key[:len(key)-1], stranger.FormKey()} {
		if age, ok := b.FormAge(text); ok {
			t.Errorf("%q is %s old", text, age)
		}
	}
}
