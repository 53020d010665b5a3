package coseal

import "math"

// What a reader takes unless it is told otherwise: 9.1 and 9.9.
const DefaultLimit, DefaultSkew uint64 = 64 << 20, 60_000

// Question is what is asked of an envelope. Times are in milliseconds.
type Question struct {
	Channel, Signer *string // nil: any
	At              *uint64 // nil: no time is judged
	MaxAge          *uint64 // nil: age is not judged
	Limit, Skew     uint64  // DefaultLimit, DefaultSkew
}

// Verdict is what may be told of an envelope whose receipt verified.
type Verdict struct {
	Header        Header
	Signer        *Record
	Bundle        *Bundle
	OtherReceipts []string // 7.6, in wire order: trusted, unknown, invalid
	ClaimedTime   string   // 9.9, of a revoked key: before, in_doubt, after; else ""
	leaf          []byte
	skew          uint64
}

// Facts are told of a time without judging by it: 9.9.
type Facts struct {
	BundleExpired, Expired, FromTheFuture bool
	Age                                   *uint64
}

// Verify is steps 1 to 5. There is a verdict once step 4 passed, also where step 5
// refuses: then beside the refusal.
func (b *Bundle) Verify(bytes []byte, q Question) (v *Verdict, err error) {
	defer catch(&err)
	e := readEnvelope(bytes, q.Limit) // 1, 2
	refuse(q.At != nil && b.expired(*q.At, q.Skew), "untrusted/bundle_expired")
	key := b.signer(e.header.Signer) // 3
	refuse(key == nil, "untrusted/unknown_signer")
	leaf := leafOf(e.protected, e.ciphertext) // 4
	refuse(!e.receipt.signs(key.Public, leaf), "untrusted/bad_signature")
	v = &Verdict{Header: e.header, Signer: key, Bundle: b, leaf: leaf, skew: q.Skew}
	v.ClaimedTime = key.Revocation.claimed(e.header.SealedAt)
	for _, later := range e.later {
		v.OtherReceipts = append(v.OtherReceipts, v.otherReceipt(later))
	}
	v.judge(q) // 5
	return v, nil
}

// judge is step 5: 9.5.
func (v *Verdict) judge(q Question) {
	t, key := v.Header.SealedAt, v.Signer
	refuse(!key.covers(v.Header.Channel), "untrusted/not_allowed")
	refuse(t < 1000*key.From || key.Until != nil && t >= 1000**key.Until, "untrusted/not_valid_then")
	refuse(key.Revocation != nil, "untrusted/revoked")
	refuse(q.Signer != nil && *q.Signer != key.Subject, "untrusted/wrong_signer")
	refuse(q.Channel != nil && *q.Channel != v.Header.Channel, "misdirected/channel")
	if q.At == nil {
		return
	}
	facts := v.Facts(*q.At)
	refuse(facts.FromTheFuture, "stale/from_the_future")
	refuse(facts.Expired, "stale/expired")
	refuse(q.MaxAge != nil && facts.Age != nil && *facts.Age > sum(*q.MaxAge, q.Skew), "stale/too_old")
}

// Facts is 9.9.
func (v *Verdict) Facts(now uint64) Facts {
	t, expires := v.Header.SealedAt, v.Header.Expires
	facts := Facts{BundleExpired: v.Bundle.expired(now, v.skew), FromTheFuture: t > sum(now, v.skew)}
	facts.Expired = expires != nil && now >= sum(1000**expires, v.skew)
	if t <= now {
		facts.Age = pointer(now - t)
	}
	return facts
}

func (b *Bundle) expired(now, skew uint64) bool { return now >= sum(1000*b.Expires, skew) }

// claimed is 9.9: where the time t lies that a message of a revoked key claims.
func (r *Revocation) claimed(t uint64) string {
	switch {
	case r == nil:
		return ""
	case t >= 1000*r.At:
		return "after"
	case r.CompromisedSince != nil && t >= 1000**r.CompromisedSince:
		return "in_doubt"
	}
	return "before"
}

// sum is one that does not wrap: 9.9.
func sum(time, span uint64) uint64 {
	if time > math.MaxUint64-span {
		return math.MaxUint64
	}
	return time + span
}
