package coseal

import (
	"bytes"
	"iter"
	"math"
	"slices"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"
)

// item is the encoding of one item that decode has checked. It is a view of the
// input: the bytes that were signed are kept, and nothing is allocated for what is
// skipped. Its methods say malformed/structure where it is of another shape.
type item []byte

// The greatest uint of 2.2; and a limit for what no rule limits.
const maxUint, most = math.MaxInt64, math.MaxInt32

// The library judges well-formedness (RFC 8949 appendices C and F) and that lengths
// are definite. It does not count every tag as a level; walk does.
var wellFormed, _ = cbor.DecOptions{IndefLength: cbor.IndefLengthForbidden, MaxNestedLevels: 16,
	MaxArrayElements: most, MaxMapPairs: most}.DecMode()

var deterministic, _ = cbor.CoreDetEncOptions().EncMode()

// encode is `CBOR x` of section 1.
func encode(x any) []byte {
	b, err := deterministic.Marshal(x)
	if err != nil {
		panic(err) // of texts, bytes and numbers alone: cannot be
	}
	return b
}

// decode is 2.1 and 2.3: one item, nothing behind it.
func decode(b []byte) item {
	refuse(wellFormed.Wellformed(b) != nil, notCBOR)
	walk(b, 16, anything)
	return b
}

// head takes the head of a well-formed item off (RFC 8949 §3).
func head(b []byte) (major, info byte, arg uint64, body item) {
	major, info, body = b[0]>>5, b[0]&31, b[1:]
	if info < 24 {
		return major, info, uint64(info), body
	}
	width := 1 << (info - 24)
	for _, x := range body[:width] {
		arg = arg<<8 | uint64(x)
	}
	return major, info, arg, body[width:]
}

// What 2.2 lets stand in an item.
const (
	anything = iota // it is judged elsewhere, or nothing forbids it
	tags            // no floats, no bignums, no simple values but three
	noTags          // the same, and no tags
)

// walk is the rest of 2.1 for one item, nested at most so deep (2.3), and 2.2; what
// follows the item is the result. That floats are short is not looked at: 2.2.
func walk(b []byte, levels, allowed int) (rest item) {
	major, info, arg, body := head(b)
	least := [...]uint64{24, 1 << 8, 1 << 16, 1 << 32}
	refuse(major != 7 && info >= 24 && arg < least[max(info, 24)-24], notCBOR)
	refuse(major == 3 && !utf8.Valid(body[:arg]), notCBOR)
	refuse(major >= 4 && major <= 6 && levels == 0, notCBOR)
	refuse(allowed != anything && (major <= 1 && arg > maxUint ||
		major == 7 && (b[0] < 0xf4 || b[0] > 0xf6) || major == 6 && allowed == noTags), structure)
	if major == 2 || major == 3 {
		return body[arg:]
	}
	var last []byte
	for n := [8]uint64{4: arg, 5: 2 * arg, 6: 1}[major]; n > 0; n-- {
		rest := walk(body, levels-1, allowed)
		if key := body[:len(body)-len(rest)]; major == 5 && n%2 == 0 {
			refuse(bytes.Compare(last, key) >= 0, notCBOR)
			last = key
		}
		body = rest
	}
	return body
}

// values is 2.2 where tags may stand; extension is 2.2 and 2.3 for the value of one.
func values(x item)    { walk(x, 16, tags) }
func extension(x item) { walk(x, 4, noTags) }

func (x item) major() byte     { return x[0] >> 5 }
func (x item) isInt() bool     { return x.major() <= 1 }
func (x item) isNull() bool    { return x[0] == 0xf6 }
func (x item) is(n int64) bool { return bytes.Equal(x, encode(n)) } // each has one encoding

func (x item) want(major byte, low, high uint64) (uint64, item) {
	m, _, arg, body := head(x)
	refuse(m != major || arg < low || arg > high, structure)
	return arg, body
}

func (x item) uint(low, high uint64) uint64  { n, _ := x.want(0, low, high); return n }
func (x item) time() uint64                  { return x.uint(0, 1<<53-1) }
func (x item) bytes(low, high uint64) []byte { _, b := x.want(2, low, high); return b }
func (x item) text(low, high uint64) string  { _, b := x.want(3, low, high); return string(b) }
func (x item) tagged(n uint64) item          { _, inner := x.want(6, n, n); return inner }
func (x item) embedded() item                { return decode(x.bytes(0, most)) } // 2.4

func (x item) integer() int64 {
	refuse(!x.isInt(), structure)
	_, _, arg, _ := head(x)
	refuse(arg > maxUint, structure)
	return int64(arg) ^ -int64(x.major()) // -1 - n is the complement of n
}

// maybeTime is nil where the entry is absent.
func (x item) maybeTime() *uint64 {
	if x == nil {
		return nil
	}
	return pointer(x.time())
}

func pointer[T any](x T) *T { return &x }

// cut takes the first item off.
func cut(b item) (first, rest item) {
	rest = walk(b, 16, anything)
	return b[:len(b)-len(rest)], rest
}

func (x item) array(low, high uint64) (elements []item) {
	n, body := x.want(4, low, high)
	for elements = make([]item, n); n > 0; n-- {
		elements[len(elements)-int(n)], body = cut(body)
	}
	return elements
}

// entries are those of a map, in wire order.
func (x item) entries() iter.Seq2[item, item] {
	n, body := x.want(5, 0, most)
	return func(yield func(key, value item) bool) {
		for more := true; n > 0 && more; n-- {
			var key, value item
			key, body = cut(body)
			value, body = cut(body)
			more = yield(key, value)
		}
	}
}

// find is the value of a label; nil where there is none.
func (x item) find(label int64) item {
	for key, value := range x.entries() {
		if key.is(label) {
			return value
		}
	}
	return nil
}

// fields are those of a map of exactly these labels; those behind the first
// `required` may be absent, and are nil then.
func (x item) fields(required int, labels ...int64) (found []item) {
	n := uint64(0)
	for i, label := range labels {
		found = append(found, x.find(label))
		refuse(found[i] == nil && i < required, structure)
		n += uint64(min(1, len(found[i])))
	}
	x.want(5, n, n)
	return found
}

// rules is a map whose labels are read in wire order, each by its rule; `other` reads
// those without one. What is missing is told last.
type rules map[int64]func(item)

func (x item) read(by rules, other func(key, value item), required ...int64) {
	for key, value := range x.entries() {
		rule := func(item) { other(key, value) }
		for label, known := range by {
			if key.is(label) {
				rule = known
				required = slices.DeleteFunc(required, func(l int64) bool { return l == label })
			}
		}
		rule(value)
	}
	refuse(len(required) > 0, structure)
}
