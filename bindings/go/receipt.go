package coseal

import (
	"bytes"
	"crypto/sha256"
)

// Algorithms and the label of 3.3; the limit of 12.
const edDSA, ed25519Alg, role, mostLeaves = -8, -19, -65537, 1 << 32

func sha(parts ...[]byte) []byte {
	sum := sha256.Sum256(bytes.Join(parts, nil))
	return sum[:]
}

// leafOf is 7.1.
func leafOf(protected, ciphertext []byte) []byte {
	return sha([]byte{0}, encode([]any{"coseal/v1", protected, sha(ciphertext)}))
}

// pathLength is 7.3.
func pathLength(index, size uint64) (length int) {
	for fn, sn := index, size-1; sn > 0; fn, sn = fn>>1, sn>>1 {
		if fn&1 == 1 || fn < sn {
			length++
		}
	}
	return length
}

// rootOf is 7.4. Index and length were checked, so nothing fails.
func rootOf(leaf []byte, index, size uint64, path [][]byte) []byte {
	fn, sn, r := index, size-1, leaf
	for _, p := range path {
		if fn&1 == 1 || fn == sn {
			r = sha([]byte{1}, p, r)
			for fn&1 == 0 && fn != 0 {
				fn, sn = fn>>1, sn>>1
			}
		} else {
			r = sha([]byte{1}, r, p)
		}
		fn, sn = fn>>1, sn>>1
	}
	return r
}

type receipt struct {
	alg                  int64
	protected, signature []byte
	size, index          uint64
	path                 [][]byte
}

func (r *receipt) known() bool { return r.alg == edDSA || r.alg == ed25519Alg }

// fits: index below size, and a path as long as 7.3 says.
func (r *receipt) fits() bool { return r.index < r.size && len(r.path) == pathLength(r.index, r.size) }

// signs is 7.5 over the root that the path gives.
func (r *receipt) signs(public, leaf []byte) bool {
	root := rootOf(leaf, r.index, r.size, r.path)
	return accepted(public, signed(r.protected, []byte{}, root), r.signature)
}

// readSign1 is what 3.3 and 7.6 have in common. The labels of the protected header
// are the results, and the unprotected map. Label 1, the algorithm, is the first.
func (r *receipt) readSign1(b []byte, required int, labels ...int64) ([]item, item) {
	parts := decode(b).tagged(18).array(4, 4)
	header := parts[0].embedded()
	fields := header.fields(required, labels...)
	refuse(!parts[2].isNull(), structure)
	r.alg, r.protected, r.signature = fields[0].integer(), header, parts[3].bytes(0, most)
	return fields, parts[1]
}

// readProof is label 396 of 3.3 and 7.6.
func (r *receipt) readProof(unprotected item) {
	proofs := unprotected.fields(1, 396)[0].fields(1, -1)[0].array(1, 1)
	proof := proofs[0].embedded().array(3, 3)
	r.size, r.index = proof[0].uint(0, maxUint), proof[1].uint(0, maxUint)
	for _, hash := range proof[2].array(0, 32) {
		r.path = append(r.path, hash.bytes(32, 32))
	}
}

// readReceipt is 3.3, the sender's receipt. Its algorithm is judged in step 2.
func readReceipt(b []byte) *receipt {
	r := &receipt{size: 1}
	header, unprotected := r.readSign1(b, 3, 1, 395, role)
	mark := header[2].array(2, 2)
	refuse(!header[1].is(1) || !mark[0].is(1), structure)
	refuse(r.known() && len(r.signature) != 64, structure)
	if size := mark[1].uint(1, mostLeaves); size > 1 {
		r.readProof(unprotected)
		refuse(r.size != size || !r.fits(), structure)
	} else {
		unprotected.fields(0)
	}
	return r
}

// otherReceipt is 7.6: what a receipt behind the sender's is worth.
func (v *Verdict) otherReceipt(b []byte) string {
	r, key, err := &receipt{}, (*Record)(nil), error(nil)
	var header []item
	func() { // 1
		defer catch(&err)
		var unprotected item
		header, unprotected = r.readSign1(b, 3, 1, 4, 395, role)
		refuse(!r.known() || !header[2].is(1), structure)
		if header[3] != nil {
			extension(header[3])
		}
		r.readProof(unprotected)
		key = v.Bundle.signer(header[1].bytes(8, 8)) // 2
	}()
	switch {
	case err != nil || key == nil || key.Revocation != nil || !key.covers(v.Header.Channel) ||
		key.Until != nil && 1000**key.Until <= v.Header.SealedAt:
		return "unknown"
	case header[3] != nil || r.size > mostLeaves || !r.fits() || !r.signs(key.Public, v.leaf): // 3, 4, 5
		return "invalid"
	}
	return "trusted" // 6
}
