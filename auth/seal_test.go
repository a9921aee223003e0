package auth

import (
	"bytes"
	"testing"
)

// FuzzSeal opens what was sealed, by the right key and beside the right text, and
// nothing else.
func FuzzSeal(f *testing.F) {
	f.Add([]byte("private"), "ES256 kid", []byte{}, uint(0))
	f.Add([]byte{}, "", make([]byte, 28), uint(27))
	ours, err := newSealer([][]byte{bytes.Repeat([]byte("a"), 32), bytes.Repeat([]byte("b"), 32)})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, plain []byte, beside string, invented []byte, at uint) {
		sealed := ours[1:].seal(plain, beside)
		got, by, err := ours.open(sealed, beside)
		if err != nil || by != 1 || !bytes.Equal(got, plain) {
			t.Fatalf("opened %q by %d: %v", got, by, err)
		}
		if _, _, err := ours[:1].open(sealed, beside); err == nil {
			t.Error("another key opens it")
		}
		if _, _, err := ours.open(sealed, beside+"x"); err == nil {
			t.Error("opens beside another text")
		}
		if _, _, err := ours.open(invented, beside); err == nil {
			t.Errorf("%x opens", invented)
		}
		sealed[at%uint(len(sealed))] ^= 1
		if _, _, err := ours.open(sealed, beside); err == nil {
			t.Error("opens with a bit flipped")
		}
		if _, _, err := ours.open(sealed[:at%uint(len(sealed))], beside); err == nil {
			t.Error("opens when cut")
		}
	})
}
