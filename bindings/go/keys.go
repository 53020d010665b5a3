package coseal

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ed25519"

	"filippo.io/edwards25519"
	"filippo.io/edwards25519/field"
)

// The curves of section 4.
const x25519Curve, ed25519Curve = 4, 6

// thumbprint is section 4; a key ID is its first 8 bytes.
func thumbprint(curve int64, public []byte) []byte {
	return sha(encode(map[int]any{1: 1, -1: curve, -2: public}))
}

// soundPoint is 4.1 for Ed25519, and rules 2 and 3 of 7.5. SetBytes takes encodings
// that are not canonical; Bytes gives the canonical one.
func soundPoint(b []byte) bool {
	point, err := new(edwards25519.Point).SetBytes(b)
	if err != nil || !bytes.Equal(point.Bytes(), b) {
		return false
	}
	return new(edwards25519.Point).MultByCofactor(point).Equal(edwards25519.NewIdentityPoint()) == 0
}

// soundU is 4.1 for X25519. Every scalar of RFC 7748 is a multiple of 8, and ECDH
// fails where the result is zero: exactly at the points of small order.
func soundU(b []byte) bool {
	u, err := new(field.Element).SetBytes(b)
	if err != nil || !bytes.Equal(u.Bytes(), b) {
		return false
	}
	any, _ := ecdh.X25519().NewPrivateKey(make([]byte, 32))
	public, _ := ecdh.X25519().NewPublicKey(b)
	_, err = any.ECDH(public)
	return err == nil
}

// accepted is 7.5. The standard library checks rules 1 and 4, and no others.
func accepted(public, message, signature []byte) bool {
	return len(signature) == 64 && soundPoint(public) && soundPoint(signature[:32]) &&
		ed25519.Verify(public, message, signature)
}

// signed is the Sig_structure of RFC 9052 §4.4.
func signed(protected, external, payload []byte) []byte {
	return encode([]any{"Signature1", protected, external, payload})
}
