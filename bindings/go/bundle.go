package coseal

import (
	"bytes"
	"slices"
	"strings"
)

// Bundle is a trust bundle that was loaded: 8.1. Times are in seconds.
type Bundle struct {
	Domain                    string
	Sequence, Issued, Expires uint64
	Root                      []byte // the public key that signed it
	NextRoots                 [][]byte
	Records                   []*Record
	Skipped                   []int // positions of records of other kinds
	digest                    []byte
	byID                      map[string]*Record
}

// Record is one key: 8.2.
type Record struct {
	Thumbprint, Public []byte
	Subject            string
	Use                uint64 // 1: sign, 2: receive
	From               uint64
	Until              *uint64
	Patterns           []string
	Revocation         *Revocation
	curve              int64
}

// Revocation is label 7 of a record. Reasons: 1 compromised, 2 superseded, 3 ceased.
type Revocation struct {
	At, Reason       uint64
	CompromisedSince *uint64
}

// signer is the signing key with this key ID, or nil.
func (b *Bundle) signer(keyID []byte) *Record {
	if r := b.byID[string(keyID)]; r != nil && r.Use == 1 {
		return r
	}
	return nil
}

// Loader loads trust bundles one after the other: 8.4. It keeps the state in
// memory; whoever keeps it longer stores the last bundle and loads it first.
type Loader struct {
	Pinned [][]byte // public keys of the roots that are trusted without a state
	Domain *string  // nil: any
	Skew   uint64   // milliseconds
	state  *Bundle
}

// Load is 8.4; now is in milliseconds.
func (l *Loader) Load(b []byte, now uint64) (_ *Bundle, err error) {
	defer catch(&err)
	for _, root := range l.Pinned {
		refuse(!soundPoint(root), "malformed/weak_key")
	}
	refuse(len(b) > 16<<20, "malformed/too_large") // 1
	parts := decode(b).tagged(18).array(4, 4)      // 2
	if parts[0].major() == 2 {
		parts[0].embedded()
	}
	payload := parts[2].embedded()
	format := payload.find(1) // 3
	refuse(format != nil && format.isInt() && !format.is(1), "unsupported/version")
	protected := parts[0].embedded() // 4
	header, signature := protected.fields(2, 1, 4), parts[3].bytes(64, 64)
	rootID := header[1].bytes(8, 8)
	refuse(!header[0].is(edDSA), structure)
	parts[1].fields(0)
	bundle, records := readBody(payload)
	roots, last := l.Pinned, l.state // 5
	if last != nil {
		roots = append([][]byte{last.Root}, last.NextRoots...)
	}
	i := slices.IndexFunc(roots, func(root []byte) bool {
		return bytes.Equal(thumbprint(ed25519Curve, root)[:8], rootID)
	})
	refuse(i < 0, "untrusted/unknown_root")
	bundle.Root, bundle.digest = roots[i], sha(b)
	message := signed(protected, []byte("coseal/v1 trust-bundle"), payload) // 6
	refuse(!accepted(bundle.Root, message, signature), "untrusted/bad_signature")
	other := l.Domain != nil && *l.Domain != bundle.Domain // 7
	refuse(other || last != nil && last.Domain != bundle.Domain, "untrusted/wrong_domain")
	refuse(last != nil && (bundle.Sequence < last.Sequence || // 8
		bundle.Sequence == last.Sequence && !bytes.Equal(bundle.digest, last.digest)), "untrusted/rolled_back")
	refuse(1000*bundle.Issued > sum(now, l.Skew), "stale/from_the_future") // 9
	bundle.readRecords(records)                                            // 10
	l.state = bundle
	return bundle, nil
}

// readBody is 8.1. Of records, 2.2 alone is looked at here.
func readBody(payload item) (b *Bundle, records []item) {
	b = &Bundle{byID: map[string]*Record{}}
	payload.read(rules{
		1: func(x item) { refuse(!x.is(1), structure) },
		2: func(x item) { b.Domain = x.text(0, most) },
		3: func(x item) { b.Sequence = x.uint(0, maxUint) },
		4: func(x item) { b.Issued = x.time() },
		5: func(x item) { b.Expires = x.time() },
		6: func(x item) { values(x); records = x.array(0, 65536) },
		7: func(x item) {
			for _, root := range x.array(1, most) {
				curve, public := readKey(root)
				refuse(curve != ed25519Curve, structure)
				b.NextRoots = append(b.NextRoots, public)
			}
		},
	}, otherLabel, 1, 2, 3, 4, 5, 6)
	return b, records
}

// otherLabel is one that 8.1 or 8.2 does not list.
func otherLabel(key, value item) {
	key.uint(64, maxUint)
	extension(value)
}

// readKey is a COSE_Key of section 4 that 4.1 takes.
func readKey(x item) (curve int64, public []byte) {
	fields := x.fields(3, 1, -1, -2)
	curve, public = fields[1].integer(), fields[2].bytes(32, 32)
	refuse(!fields[0].is(1) || curve != ed25519Curve && curve != x25519Curve, structure)
	sound := map[int64]func([]byte) bool{ed25519Curve: soundPoint, x25519Curve: soundU}[curve]
	refuse(!sound(public), "malformed/weak_key")
	return curve, public
}

// readRecords is 8.4, point 10.
func (b *Bundle) readRecords(records []item) {
	for i, x := range records {
		if r := readRecord(x); r != nil {
			r.Thumbprint = thumbprint(r.curve, r.Public)
			b.Records = append(b.Records, r)
		} else {
			b.Skipped = append(b.Skipped, i)
		}
	}
	for _, r := range b.Records {
		id := string(r.Thumbprint[:8])
		refuse(b.byID[id] != nil, "malformed/duplicate_key")
		b.byID[id] = r
	}
}

// readRecord is 8.2, in the order that 8.4 states; nil where it is skipped.
func readRecord(x item) (r *Record) {
	const skipped Refusal = "skipped"
	defer func() {
		switch caught := recover(); caught {
		case nil:
		case skipped:
			r = nil
		case structure: // what is a fault of shape elsewhere
			panic(Refusal("malformed/record"))
		default:
			panic(caught)
		}
	}()
	r = &Record{}
	x.read(rules{
		1: func(x item) {
			refuse(!x.names(1).is(1), skipped)
			refuse(!x.names(-1).is(x25519Curve) && !x.names(-1).is(ed25519Curve), skipped)
			r.curve, r.Public = readKey(x)
		},
		2: func(x item) { r.Subject = x.text(1, 2048) },
		3: func(x item) { r.Use = x.uint(0, maxUint); refuse(r.Use != 1 && r.Use != 2, skipped) },
		4: func(x item) { r.From = x.time() },
		5: func(x item) { r.Until = x.maybeTime() },
		6: func(x item) {
			for _, pattern := range x.array(0, 256) {
				r.Patterns = append(r.Patterns, readPattern(pattern))
			}
		},
		7: func(x item) {
			parts := append(x.array(2, 3), nil)
			r.Revocation = &Revocation{parts[0].time(), parts[1].uint(0, maxUint), parts[2].maybeTime()}
		},
	}, otherLabel, 1, 2, 3, 4, 6)
	refuse((r.Use == 1) != (r.curve == ed25519Curve), structure)
	return r
}

// names is the key type or the curve of a key: an integer or a text.
func (x item) names(label int64) item {
	x = x.find(label)
	refuse(x == nil || !x.isInt() && x.major() != 3, structure)
	return x
}

// readPattern is 8.3.
func readPattern(x item) string {
	pattern := x.text(1, 255)
	tokens := strings.Split(pattern, ".")
	for i, token := range tokens {
		refuse(len(token) > 1 && strings.ContainsAny(token, "*>"), structure)
		refuse(token == ">" && i != len(tokens)-1, structure)
	}
	return pattern
}

// covers is 8.3, for any of the patterns.
func (r *Record) covers(channel string) bool {
	return slices.ContainsFunc(r.Patterns, func(pattern string) bool { return covers(pattern, channel) })
}

func covers(pattern, channel string) bool {
	p, c := strings.Split(pattern, "."), strings.Split(channel, ".")
	for i, token := range p {
		if i < len(c) && token == ">" {
			return true
		}
		if i >= len(c) || token != "*" && token != c[i] {
			return false
		}
	}
	return len(p) == len(c)
}
