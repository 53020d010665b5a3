package coseal

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode"
)

// The suites, section 5.
const AES256GCM, ChaCha20Poly1305 = -65541, -65542

// Labels of the header.
const origin, application = -65537, -65538

// Header is the protected header, 3.2. Times are in milliseconds, expiries in
// seconds. The values of application headers are string, []byte, int64 or bool.
type Header struct {
	Suite              int64
	Channel            string
	ContentType        *string
	MessageID          []byte
	SealedAt, Sequence uint64
	Expires            *uint64
	Signer, Epoch      []byte
	PreviousEpoch      []byte // nil: names none
	MessagesInPrevious uint64
	ApplicationHeaders map[string]any
	Extensions         []Extension
	unlisted           bool
}

// Extension is a header extension; its value as encoded.
type Extension struct {
	Label int64
	Value []byte
}

type envelope struct {
	header     Header
	protected  []byte
	receipt    *receipt
	later      [][]byte
	ciphertext []byte // nil: detached
}

// readEnvelope is steps 1 and 2: 9.1 and 9.2.
func readEnvelope(b []byte, limit uint64) *envelope {
	refuse(uint64(len(b)) > limit, "malformed/too_large") // 1
	whole := decode(b)                                    // 2
	refuseOtherVersions(whole)                            // 3
	e := readFrame(whole)                                 // 4
	refuse(e.header.unlisted, "unsupported/header")
	refuse(e.header.Suite != AES256GCM && e.header.Suite != ChaCha20Poly1305, "unsupported/suite")
	refuse(e.ciphertext == nil, "unsupported/detached")
	refuse(!e.receipt.known(), "unsupported/receipt")
	return e
}

// refuseOtherVersions is 9.1, point 3. What is not of this form is left to point 4.
func refuseOtherVersions(whole item) {
	first := func(x item) item { // of an array that has one
		if x == nil || x.major() != 4 || x[0] == 0x80 {
			return nil
		}
		_, _, _, body := head(x)
		x, _ = cut(body)
		return x
	}
	if !bytes.HasPrefix(whole, []byte{0xd8, 96}) {
		return
	}
	if protected := first(whole[2:]); protected != nil && protected.major() == 2 {
		if header := protected.embedded(); header.major() == 5 {
			version := first(header.find(origin))
			refuse(version != nil && version.isInt() && !version.is(1), "unsupported/version")
		}
	}
}

// readFrame is 3.1.
func readFrame(whole item) *envelope {
	parts := whole.tagged(96).array(4, 4)
	e := &envelope{protected: parts[0].bytes(0, 16384)}
	e.header.read(decode(e.protected))
	receipts := parts[1].fields(1, 394)[0].array(1, 4)
	e.receipt = readReceipt(receipts[0].bytes(0, most))
	for _, later := range receipts[1:] {
		e.later = append(e.later, later.bytes(1, 16384))
	}
	if !parts[2].isNull() {
		e.ciphertext = parts[2].bytes(48, most)
	}
	for _, recipient := range parts[3].array(1, 64) {
		readRecipient(recipient)
	}
	return e
}

// read is 3.2, label by label.
func (h *Header) read(header item) {
	header.read(rules{
		1:           func(x item) { h.Suite = x.integer() },
		3:           func(x item) { h.ContentType = pointer(x.text(1, 255)) },
		5:           h.readIV,
		15:          h.readClaims,
		origin:      h.readOrigin,
		application: h.readApplication,
	}, func(key, x item) {
		if key.major() == 3 || key.integer() > -65600 || key.integer() < -65663 {
			values(x)
			h.unlisted = true
			return
		}
		extension(x)
		h.Extensions = append(h.Extensions, Extension{key.integer(), x})
	}, 1, 5, 15, origin)
	refuse(h.PreviousEpoch != nil && h.Sequence != 0, structure)
}

func (h *Header) readIV(x item) {
	iv := x.bytes(24, 24)
	refuse(iv[6]>>4 != 7 || iv[8]>>6 != 2, structure)
	h.MessageID, h.SealedAt = iv[:16], binary.BigEndian.Uint64(iv)>>16
	h.Sequence = binary.BigEndian.Uint64(iv[16:])
}

// readClaims is label 15, with the channel name of 3.6.
func (h *Header) readClaims(x item) {
	claims := x.fields(1, 3, 4)
	h.Channel, h.Expires = claims[0].text(1, 255), claims[1].maybeTime()
	bad := func(c rune) bool { return unicode.IsControl(c) || c == '*' || c == '>' }
	refuse(strings.ContainsFunc(h.Channel, bad), structure)
}

func (h *Header) readOrigin(x item) {
	parts := x.array(3, 4)
	refuse(!parts[0].is(1), structure)
	h.Signer, h.Epoch = parts[1].bytes(8, 8), parts[2].bytes(8, 8)
	if len(parts) == 4 {
		previous := parts[3].array(2, 2)
		h.PreviousEpoch, h.MessagesInPrevious = previous[0].bytes(8, 8), previous[1].uint(0, maxUint)
	}
}

func (h *Header) readApplication(x item) {
	x.want(5, 1, 32)
	h.ApplicationHeaders = map[string]any{}
	for key, value := range x.entries() {
		name := key.text(1, 64)
		switch value.major() {
		case 2:
			h.ApplicationHeaders[name] = value.bytes(0, 4096)
		case 3:
			h.ApplicationHeaders[name] = value.text(0, 4096)
		case 7:
			refuse(value[0] != 0xf4 && value[0] != 0xf5, structure)
			h.ApplicationHeaders[name] = value[0] == 0xf5
		default:
			h.ApplicationHeaders[name] = value.integer()
		}
	}
}

// readRecipient is 3.5: shapes only. Whoever verifies needs no recipient.
func readRecipient(x item) {
	parts := x.array(3, 3)
	protected, encrypted := parts[0].bytes(0, most), parts[2].bytes(0, most)
	if len(protected) > 0 {
		inside := decode(protected)
		if inside.find(1).is(-65543) {
			inside.want(5, 1, 1)
			fields := parts[1].fields(2, 4, -4)
			refuse(len(fields[0].bytes(8, 8))+len(fields[1].bytes(32, 32))+len(encrypted) != 88, structure)
			return
		}
		values(inside)
	} else if parts[1].find(1).is(-5) {
		parts[1].fields(2, 4, 1)[0].bytes(1, 64)
		refuse(len(encrypted) != 40, structure)
		return
	}
	refuse(parts[1].major() != 5 || len(x) > 4096, structure)
	values(parts[1])
}
