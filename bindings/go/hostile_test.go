package coseal

import (
	"os"
	"path/filepath"
	"testing"
)

// Whatever is done to an envelope, it is refused with a code, or what was changed is
// not signed: the recipients.
func TestEveryBitAndEveryLength(t *testing.T) {
	for _, path := range []string{"positive/alone.json", "positive/batch_3_1.json", "positive/x25519_and_kek_kek.json"} {
		raw, err := os.ReadFile(filepath.Join(cases, path))
		if err != nil {
			t.Fatal(err)
		}
		c := read[envelopeCase](t, raw)
		loader := Loader{Pinned: plain(c.Trust.Roots), Skew: c.Skew}
		bundle, err := loader.Load(c.Trust.Bundle, c.Trust.Now)
		if err != nil {
			t.Fatal(err)
		}
		question := Question{Limit: DefaultLimit, Skew: c.Skew}
		good := readEnvelope(c.Envelope, DefaultLimit)
		for n := range c.Envelope {
			if _, err := bundle.Verify(c.Envelope[:n], question); err == nil {
				t.Errorf("%s: %d bytes of it verify", path, n)
			}
		}
		for bit := range 8 * len(c.Envelope) {
			changed := append([]byte{}, c.Envelope...)
			changed[bit/8] ^= 1 << (bit % 8)
			if _, err := bundle.Verify(changed, question); err != nil {
				continue
			}
			e := readEnvelope(changed, DefaultLimit)
			if string(e.protected) != string(good.protected) || string(e.ciphertext) != string(good.ciphertext) {
				t.Errorf("%s: bit %d is not signed", path, bit)
			}
		}
	}
}

// The same of a bundle: every bit of it is signed.
func TestEveryBitOfABundle(t *testing.T) {
	raw, err := os.ReadFile(cases + "/positive/alone.json")
	if err != nil {
		t.Fatal(err)
	}
	c := read[envelopeCase](t, raw)
	for bit := range 8 * len(c.Trust.Bundle) {
		changed := append([]byte{}, c.Trust.Bundle...)
		changed[bit/8] ^= 1 << (bit % 8)
		loader := Loader{Pinned: plain(c.Trust.Roots), Skew: c.Skew}
		if _, err := loader.Load(changed, c.Trust.Now); err == nil {
			t.Errorf("bit %d is not signed", bit)
		}
	}
}
