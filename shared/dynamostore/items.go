package dynamostore

import (
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
)

// instantLayout has a fixed width, so that instants sort as text.
const instantLayout = "2006-01-02T15:04:05.000000000Z"

// pendingShard is the one partition of the index pending: few licenses are pending at any time.
const pendingShard = "pending"

func str(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
func num(n int) types.AttributeValue    { return &types.AttributeValueMemberN{Value: strconv.Itoa(n)} }
func instant(t time.Time) types.AttributeValue {
	return str(t.UTC().Format(instantLayout))
}

// reader takes attributes out of an item and remembers the first that is missing or malformed.
type reader struct {
	item item
	err  error
}

func (r *reader) fail(name string, err error) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: attribute %s: %w", ledger.ErrUnreadable, name, err)
	}
}

// str returns a string, "" if it is not there.
func (r *reader) str(name string) string {
	switch v := r.item[name].(type) {
	case nil:
		return ""
	case *types.AttributeValueMemberS:
		return v.Value
	default:
		r.fail(name, fmt.Errorf("is %T, not a string", v))
		return ""
	}
}

// num returns an integer, 0 if it is not there.
func (r *reader) num(name string) int {
	switch v := r.item[name].(type) {
	case nil:
		return 0
	case *types.AttributeValueMemberN:
		n, err := strconv.Atoi(v.Value)
		if err != nil {
			r.fail(name, err)
		}
		return n
	default:
		r.fail(name, fmt.Errorf("is %T, not a number", v))
		return 0
	}
}

// instant returns a time, zero if it is not there.
func (r *reader) instant(name string) time.Time {
	text := r.str(name)
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse(instantLayout, text)
	if err != nil {
		r.fail(name, err)
	}
	return t
}

// json decodes a JSON attribute.
func (r *reader) json(name string, into any) {
	if err := json.Unmarshal([]byte(r.str(name)), into); err != nil {
		r.fail(name, err)
	}
}

// recordItem writes a new pending license. What changes later is in attributes of its own; body keeps the rest.
func recordItem(r ledger.Record) (item, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("writing license %s: %w", r.ID, err)
	}
	it := item{
		"pk":             str("license#" + r.ID),
		"sk":             str("license"),
		"body":           str(string(body)),
		"serverToken":    str(string(r.ServerToken)),
		"sequence":       num(r.Sequence),
		"status":         str(string(r.Status)),
		"version":        num(r.Version),
		"pendingShard":   str(pendingShard),
		"leaseUntil":     instant(r.LeaseUntil),
		"attempts":       num(r.Attempts),
		"lastChangeBy":   str(r.LastChange.By),
		"lastChangeAt":   instant(r.LastChange.At),
		"lastChangeWhat": str(r.LastChange.What),
	}
	maps.Copy(it, indexAttributes(r))
	return it, nil
}

func readRecord(it item) (ledger.Record, error) {
	var r ledger.Record
	in := reader{item: it}
	in.json("body", &r)
	r.Status = license.Status(in.str("status"))
	r.Version = in.num("version")
	r.LeaseUntil = in.instant("leaseUntil")
	r.Attempts = in.num("attempts")
	r.RefusedSince = in.instant("refusedSince")
	r.LastChange = ledger.Change{By: in.str("lastChangeBy"), At: in.instant("lastChangeAt"), What: in.str("lastChangeWhat")}
	r.Supersedes = license.Optional(in.str("supersedes"))
	r.SupersededBy = license.Optional(in.str("supersededBy"))
	r.LicenseKey = license.Optional(in.str("licenseKey"))
	r.KMSRequestID = in.str("kmsRequestId")
	r.VoidReason = in.str("voidReason")
	if answer := in.str("answer"); answer != "" {
		r.Answer = []byte(answer)
	}
	if in.err != nil {
		return r, fmt.Errorf("reading license %s: %w", in.str("pk"), in.err)
	}
	return r, nil
}

func serverItem(s ledger.Server) (item, error) {
	body, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("writing server %s: %w", s.Token.Tail(), err)
	}
	return item{
		"pk":          str("server#" + string(s.Token)),
		"sk":          str("server"),
		"body":        str(string(body)),
		"chainLength": num(s.ChainLength),
	}, nil
}

func readServer(it item) (ledger.Server, error) {
	var s ledger.Server
	in := reader{item: it}
	in.json("body", &s)
	if in.err != nil {
		return s, fmt.Errorf("reading a server item: %w", in.err)
	}
	return s, nil
}
