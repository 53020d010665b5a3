package coseal

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// What is out of scope here: the `open` part of an envelope case (keyring, payload,
// redelivery, replay), and `intermediate`, which no reader is compared with. The
// bundle, the `verify` part, and what it reports are compared in full. A case that
// has no `verify` part would be told as such; the last line counts them all.
const cases = "../../test-vectors/cases"

func TestEveryVector(t *testing.T) {
	counted := map[string]int{}
	err := filepath.WalkDir(cases, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(cases, path)
		t.Run(filepath.ToSlash(name), func(t *testing.T) { counted[run(t, raw)]++ })
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d verified, %d trust bundles, %d bundles of cases that only open",
		counted["verify"], counted["trust_bundle"], counted["open"])
	if counted["verify"] == 0 || counted["trust_bundle"] == 0 {
		t.Fatal("no vectors were found")
	}
}

func run(t *testing.T, raw []byte) string {
	var kind struct {
		Kind string `json:"kind"`
	}
	if err := json.Unmarshal(raw, &kind); err != nil {
		t.Fatal(err)
	}
	switch kind.Kind {
	case "trust_bundle":
		runBundle(t, read[bundleCase](t, raw))
		return "trust_bundle"
	case "envelope":
		return runEnvelope(t, read[envelopeCase](t, raw))
	}
	t.Fatalf("unknown kind of case: %q", kind.Kind)
	return ""
}

func runEnvelope(t *testing.T, c *envelopeCase) string {
	loader := Loader{Pinned: plain(c.Trust.Roots), Domain: &c.Trust.Domain, Skew: c.Skew}
	bundle, err := loader.Load(c.Trust.Bundle, c.Trust.Now)
	same(t, "trust bundle", "ok", err)
	if c.Verify == nil {
		return "open"
	}
	question := Question{
		Channel: c.Verify.Channel, Signer: c.Verify.Signer, At: c.Verify.At, MaxAge: c.Verify.MaxAge,
		Limit: DefaultLimit, Skew: c.Skew,
	}
	if c.MaxLen != nil {
		question.Limit = *c.MaxLen
	}
	verdict, err := bundle.Verify(c.Envelope, question)
	same(t, "verify", c.Verify.Expect, err)
	if told := verdict != nil; told == toldNothing(err) {
		t.Errorf("after %v: a verdict is told: %v", err, told)
	}
	if c.Verify.ClaimedTime != nil && verdict.ClaimedTime != *c.Verify.ClaimedTime {
		t.Errorf("claimed time: %s instead of %s", verdict.ClaimedTime, *c.Verify.ClaimedTime)
	}
	if expected := c.Verify.Facts; expected != nil {
		facts := verdict.Facts(expected.At)
		equal(t, "facts", *expected, factsCase{
			expected.At, facts.BundleExpired, facts.Expired, facts.FromTheFuture, facts.Age,
		})
	}
	if c.Verify.Expect == "ok" {
		equal(t, "reported", *c.Reported, report(verdict))
	}
	return "verify"
}

// toldNothing: what step 1 to 4 refuse tells nothing of the header.
func toldNothing(err error) bool {
	if err == nil {
		return false
	}
	code, kind, _ := strings.Cut(err.Error(), "/")
	early := kind == "bundle_expired" || kind == "unknown_signer" || kind == "bad_signature"
	return code == "malformed" || code == "unsupported" || code == "untrusted" && early
}

func runBundle(t *testing.T, c *bundleCase) {
	loader := Loader{Pinned: plain(c.Roots), Domain: c.Domain, Skew: c.Skew}
	for _, earlier := range c.Earlier {
		_, err := loader.Load(earlier.Bundle, c.Now)
		same(t, "earlier bundle", earlier.Expect, err)
	}
	bundle, err := loader.Load(c.Bundle, c.Now)
	same(t, "trust bundle", c.Expect, err)
	if c.Expect == "ok" {
		equal(t, "reported", *c.Reported, reportBundle(bundle))
	}
}

// same compares a result. Where a code that has kinds stands alone, the
// specification says that either of two kinds is right.
func same(t *testing.T, what, expected string, err error) {
	t.Helper()
	got := "ok"
	if err != nil {
		got = err.Error()
	}
	if code, _, hasKind := strings.Cut(got, "/"); hasKind && !strings.Contains(expected, "/") {
		got = code
	}
	if got != expected {
		t.Fatalf("%s: %s instead of %s (%v)", what, got, expected, err)
	}
}

func equal[T any](t *testing.T, what string, expected, got T) {
	t.Helper()
	if !reflect.DeepEqual(expected, got) {
		e, _ := json.Marshal(expected)
		g, _ := json.Marshal(got)
		t.Errorf("%s:\n got %s\nwant %s", what, g, e)
	}
}

func report(v *Verdict) reportCase {
	h := v.Header
	r := reportCase{
		Suite:   map[int64]string{AES256GCM: "a256gcm", ChaCha20Poly1305: "chacha20poly1305"}[h.Suite],
		Channel: h.Channel, Signer: v.Signer.Subject, KeyID: v.Signer.Thumbprint[:8], MessageID: h.MessageID,
		SealedAt: h.SealedAt, Sequence: h.Sequence, Epoch: h.Epoch, ContentType: h.ContentType, Expires: h.Expires,
		Headers: map[string]valueCase{}, Extensions: []extensionCase{}, OtherReceipts: []string{},
	}
	if h.PreviousEpoch != nil {
		r.Previous = &previousCase{h.PreviousEpoch, h.MessagesInPrevious}
	}
	for name, value := range h.ApplicationHeaders {
		switch value := value.(type) {
		case string:
			r.Headers[name] = valueCase{Text: &value}
		case []byte:
			r.Headers[name] = valueCase{Bytes: pointer(octets(value))}
		case int64:
			r.Headers[name] = valueCase{Int: &value}
		case bool:
			r.Headers[name] = valueCase{Bool: &value}
		}
	}
	for _, x := range h.Extensions {
		r.Extensions = append(r.Extensions, extensionCase{x.Label, x.Value})
	}
	r.OtherReceipts = append(r.OtherReceipts, v.OtherReceipts...)
	return r
}

func reportBundle(b *Bundle) bundleReport {
	r := bundleReport{
		Domain: b.Domain, Sequence: b.Sequence, Issued: b.Issued, Expires: b.Expires,
		Root: thumbprint(ed25519Curve, b.Root)[:8], NextRoots: []octets{}, Records: []recordCase{},
		Skipped: len(b.Skipped),
	}
	for _, root := range b.NextRoots {
		r.NextRoots = append(r.NextRoots, thumbprint(ed25519Curve, root)[:8])
	}
	for _, x := range b.Records {
		record := recordCase{
			KeyID: x.Thumbprint[:8], Thumbprint: x.Thumbprint, Public: x.Public, Subject: x.Subject,
			Use: map[uint64]string{1: "sign", 2: "receive"}[x.Use], From: x.From, Until: x.Until,
			Channels: append([]string{}, x.Patterns...),
		}
		if x.Revocation != nil {
			reason, known := map[uint64]string{2: "superseded", 3: "ceased"}[x.Revocation.Reason]
			if !known {
				reason = "compromised" // 8.2: others count as 1
			}
			record.Revocation = &revocationCase{x.Revocation.At, reason, x.Revocation.CompromisedSince}
		}
		r.Records = append(r.Records, record)
	}
	return r
}

// octets are bytes, written as hexadecimal digits; or, where a file would be long,
// as runs of them.
type octets []byte

func (o *octets) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) == nil {
		decoded, err := hex.DecodeString(text)
		*o = append(octets{}, decoded...)
		return err
	}
	var runs []struct {
		Hex   string `json:"hex"`
		Times int    `json:"times"`
	}
	err := exactly(b, &runs)
	*o = octets{}
	for _, run := range runs {
		decoded, wrong := hex.DecodeString(run.Hex)
		if wrong != nil {
			return wrong
		}
		*o = append(*o, bytes.Repeat(decoded, run.Times)...)
	}
	return err
}

func plain(list []octets) (out [][]byte) {
	for _, x := range list {
		out = append(out, x)
	}
	return out
}

func exactly(b []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

// read takes a case apart. A field that is not known fails it, and so does one that
// is not there.
func read[T any](t *testing.T, raw []byte) *T {
	c := new(T)
	if err := exactly(raw, c); err != nil {
		t.Fatal(err)
	}
	if err := complete(raw, reflect.TypeFor[T]()); err != nil {
		t.Fatal(err)
	}
	return c
}

func complete(raw []byte, of reflect.Type) error {
	if of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	if of.Kind() != reflect.Struct || bytes.Equal(raw, []byte("null")) {
		return nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return err
	}
	for i := range of.NumField() {
		name := of.Field(i).Tag.Get("json")
		field, there := fields[name]
		if !there {
			return fmt.Errorf("no field %s", name)
		}
		if err := complete(field, of.Field(i).Type); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

type envelopeCase struct {
	Kind     string  `json:"kind"`
	Comment  string  `json:"comment"`
	Rule     string  `json:"rule"`
	Envelope octets  `json:"envelope_hex"`
	MaxLen   *uint64 `json:"max_len"`
	Skew     uint64  `json:"skew_ms"`
	Trust    struct {
		Bundle octets   `json:"bundle_hex"`
		Roots  []octets `json:"roots_hex"`
		Domain string   `json:"domain"`
		Now    uint64   `json:"now_ms"`
	} `json:"trust"`
	Verify *struct {
		Channel     *string    `json:"channel"`
		Signer      *string    `json:"signer"`
		At          *uint64    `json:"at_ms"`
		MaxAge      *uint64    `json:"max_age_ms"`
		Expect      string     `json:"expect"`
		ClaimedTime *string    `json:"claimed_time"`
		Facts       *factsCase `json:"facts"`
	} `json:"verify"`
	Open         json.RawMessage `json:"open"` // out of scope
	Reported     *reportCase     `json:"reported"`
	Intermediate json.RawMessage `json:"intermediate"` // not to be compared
}

type factsCase struct {
	At            uint64  `json:"at_ms"`
	BundleExpired bool    `json:"bundle_expired"`
	Expired       bool    `json:"expired"`
	FromTheFuture bool    `json:"from_the_future"`
	Age           *uint64 `json:"age_ms"`
}

type reportCase struct {
	Suite         string               `json:"suite"`
	Channel       string               `json:"channel"`
	Signer        string               `json:"signer"`
	KeyID         octets               `json:"key_id_hex"`
	MessageID     octets               `json:"message_id_hex"`
	SealedAt      uint64               `json:"sealed_at_ms"`
	Sequence      uint64               `json:"sequence"`
	Epoch         octets               `json:"epoch_id_hex"`
	Previous      *previousCase        `json:"previous"`
	ContentType   *string              `json:"content_type"`
	Expires       *uint64              `json:"expires_at"`
	Headers       map[string]valueCase `json:"headers"`
	Extensions    []extensionCase      `json:"extensions"`
	OtherReceipts []string             `json:"other_receipts"`
}

type previousCase struct {
	Epoch    octets `json:"epoch_id_hex"`
	Messages uint64 `json:"messages"`
}

type valueCase struct {
	Text  *string `json:"text"`
	Bytes *octets `json:"bytes_hex"`
	Int   *int64  `json:"int"`
	Bool  *bool   `json:"bool"`
}

type extensionCase struct {
	Label int64  `json:"label"`
	Value octets `json:"value_hex"`
}

type bundleCase struct {
	Kind    string   `json:"kind"`
	Comment string   `json:"comment"`
	Rule    string   `json:"rule"`
	Bundle  octets   `json:"bundle_hex"`
	Roots   []octets `json:"roots_hex"`
	Domain  *string  `json:"domain"`
	Now     uint64   `json:"now_ms"`
	Skew    uint64   `json:"skew_ms"`
	Earlier []struct {
		Bundle octets `json:"bundle_hex"`
		Expect string `json:"expect"`
	} `json:"earlier"`
	Expect   string        `json:"expect"`
	Reported *bundleReport `json:"reported"`
}

type bundleReport struct {
	Domain    string       `json:"domain"`
	Sequence  uint64       `json:"sequence"`
	Issued    uint64       `json:"issued_at"`
	Expires   uint64       `json:"expires_at"`
	Root      octets       `json:"root_key_id_hex"`
	NextRoots []octets     `json:"next_root_key_ids_hex"`
	Records   []recordCase `json:"records"`
	Skipped   int          `json:"skipped"`
}

type recordCase struct {
	KeyID      octets          `json:"key_id_hex"`
	Thumbprint octets          `json:"thumbprint_hex"`
	Public     octets          `json:"public_key_hex"`
	Use        string          `json:"use"`
	Subject    string          `json:"subject"`
	From       uint64          `json:"valid_from"`
	Until      *uint64         `json:"valid_until"`
	Channels   []string        `json:"channels"`
	Revocation *revocationCase `json:"revocation"`
}

type revocationCase struct {
	At     uint64  `json:"revoked_at"`
	Reason string  `json:"reason"`
	Since  *uint64 `json:"compromised_since"`
}
