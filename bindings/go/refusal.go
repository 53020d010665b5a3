// Package coseal verifies coseal envelopes, version 1, with public keys only. It
// opens nothing: there is no decrypting code in it.
//
// It was written from schemas/envelope.md and from nothing else. Every function
// names the section that it follows. Read the files in the order of the reading:
// cbor.go (section 2), envelope.go (steps 1 and 2), receipt.go (3.3 and 7),
// keys.go (4 and 7.5), bundle.go (8), verify.go (steps 3 to 5).
package coseal

// Refusal is the code and the kind of section 11, as "code/kind".
type Refusal string

func (r Refusal) Error() string { return string(r) }

// The two that most rules end in.
const (
	notCBOR   Refusal = "malformed/cbor"
	structure Refusal = "malformed/structure"
)

// refuse ends the reading where a rule is broken. What reads is a chain of rules, so
// each is one line; catch makes an error of the refusal at the border of this
// package. No other panic is caught.
func refuse(broken bool, as Refusal) {
	if broken {
		panic(as)
	}
}

func catch(err *error) {
	switch caught := recover().(type) {
	case nil:
	case Refusal:
		*err = caught
	default:
		panic(caught)
	}
}
