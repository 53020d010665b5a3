package coseal_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"

	"coseal"
)

// The bytes come from where yours are: a file, a queue. Here it is a test vector.
func Example() {
	bundleBytes, root, envelope := vector("../../test-vectors/cases/positive/everything.json")

	const now = 1_790_000_000_000 // a reader takes its clock, in milliseconds
	loader := coseal.Loader{Pinned: [][]byte{root}, Skew: coseal.DefaultSkew}
	bundle, err := loader.Load(bundleBytes, now)
	if err != nil {
		fmt.Println("no trust:", err)
		return
	}
	verdict, err := bundle.Verify(envelope, coseal.Question{Limit: coseal.DefaultLimit, Skew: coseal.DefaultSkew})
	if err != nil {
		fmt.Println("refused:", err)
		return
	}
	fmt.Println(verdict.Signer.Subject, "sealed it for", verdict.Header.Channel)

	envelope[len(envelope)/2] ^= 1
	_, err = bundle.Verify(envelope, coseal.Question{Limit: coseal.DefaultLimit, Skew: coseal.DefaultSkew})
	fmt.Println("changed:", err)
	// Output:
	// spiffe://example.test/orders sealed it for orders
	// changed: untrusted/bad_signature
}

func vector(path string) (bundle, root, envelope []byte) {
	var c struct {
		Envelope string `json:"envelope_hex"`
		Trust    struct {
			Bundle string   `json:"bundle_hex"`
			Roots  []string `json:"roots_hex"`
		} `json:"trust"`
	}
	raw, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(raw, &c)
	}
	if err != nil {
		panic(err)
	}
	unhex := func(text string) []byte { b, _ := hex.DecodeString(text); return b }
	return unhex(c.Trust.Bundle), unhex(c.Trust.Roots[0]), unhex(c.Envelope)
}
