package recovery

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/licensekey"
)

// Names are the tables of a stack.
type Names struct{ Licenses, Audit string }

// Reader reads single records the way the functions do.
type Reader interface {
	Server(ctx context.Context, token license.ServerToken) (issuing.Server, error)
	Record(ctx context.Context, id string) (issuing.Record, error)
}

// Report is what Check counted, and every sentence about what is wrong.
type Report struct {
	Servers, Entries, Licenses, Verified int
	Wrong                                []string
}

// Check reads both tables whole. Each server's chain must be unbroken from its first entry to the head that the server
// item names, each license that was signed must verify with the key table, and each license that the chain says was
// issued must be there.
func Check(ctx context.Context, tables Tables, names Names, reader Reader, keys licensekey.Lookup) (Report, error) {
	var r Report
	chains, err := readChains(ctx, tables, names.Audit)
	if err != nil {
		return r, err
	}
	licenses := map[string]bool{}
	servers := map[license.ServerToken]bool{}
	err = scan(ctx, tables, names.Licenses, func(it item) error {
		if id, isLicense := strings.CutPrefix(attribute(it, "pk"), "license#"); isLicense {
			licenses[id] = true
			r.Licenses++
			return r.checkLicense(ctx, reader, id, keys)
		}
		if token, isServer := strings.CutPrefix(attribute(it, "pk"), "server#"); isServer {
			servers[license.ServerToken(token)] = true
		}
		return nil
	})
	if err != nil {
		return r, fmt.Errorf("reading table %s: %w", names.Licenses, err)
	}
	for token := range chains {
		servers[token] = true
	}
	for _, token := range slices.Sorted(maps.Keys(servers)) {
		server, err := reader.Server(ctx, token)
		if err != nil {
			return r, err
		}
		r.Servers++
		r.Entries += len(chains[token])
		r.checkChain(server, chains[token], licenses)
	}
	return r, nil
}

func (r *Report) wrong(format string, arguments ...any) {
	r.Wrong = append(r.Wrong, fmt.Sprintf(format, arguments...))
}

func (r *Report) checkLicense(ctx context.Context, reader Reader, id string, keys licensekey.Lookup) error {
	record, err := reader.Record(ctx, id)
	if err != nil {
		return err
	}
	if record.LicenseKey == "" { // pending or void: nothing was signed that anyone has
		return nil
	}
	claims, _, err := licensekey.Verify(string(record.LicenseKey), keys)
	switch {
	case err != nil:
		r.wrong("license %s does not verify: %v", id, err)
	case claims.ID != id || claims.ServerToken != record.ServerToken:
		r.wrong("license %s carries the key of license %s", id, claims.ID)
	default:
		r.Verified++
	}
	return nil
}

func (r *Report) checkChain(server issuing.Server, chain []issuing.AuditEntry, licenses map[string]bool) {
	previous := ""
	for n, entry := range chain {
		says, err := read(entry)
		switch {
		case err != nil:
			r.wrong("server %s: entry %d cannot be read: %v", server.Token, entry.Number, err)
			return
		case entry.Number != n+1 || says.Number != n+1:
			r.wrong("server %s: entry %d is missing from its chain", server.Token, n+1)
			return
		case says.Previous != previous:
			r.wrong("server %s: entry %d does not follow the one before", server.Token, entry.Number)
			return
		case hash(entry.Text) != entry.Hash:
			r.wrong("server %s: entry %d was changed: its hash is another", server.Token, entry.Number)
			return
		}
		if says.Event == issuing.EventIssued && !licenses[entry.LicenseID] {
			r.wrong("server %s: license %s was issued on %s and is not in the license table", server.Token, entry.LicenseID, says.At.Format("2 January 2006 15:04 MST"))
		}
		previous = entry.Hash
	}
	if server.ChainLength != len(chain) || server.ChainHash != previous {
		r.wrong("server %s: its chain has %d entries, the server item knows %d", server.Token, len(chain), server.ChainLength)
	}
}

// readChains reads the audit table, each server's entries by number.
func readChains(ctx context.Context, tables Tables, table string) (map[license.ServerToken][]issuing.AuditEntry, error) {
	chains := map[license.ServerToken][]issuing.AuditEntry{}
	err := scan(ctx, tables, table, func(it item) error {
		number, err := strconv.Atoi(attribute(it, "sk"))
		if err != nil {
			return fmt.Errorf("an item without a number: %w", err)
		}
		token := license.ServerToken(attribute(it, "pk"))
		chains[token] = append(chains[token], issuing.AuditEntry{
			ServerToken: token, Number: number, LicenseID: attribute(it, "licenseId"), Text: []byte(attribute(it, "entry")), Hash: attribute(it, "hash"),
		})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading table %s: %w", table, err)
	}
	for _, chain := range chains {
		slices.SortFunc(chain, func(a, b issuing.AuditEntry) int { return a.Number - b.Number })
	}
	return chains, nil
}

// attribute gives a text or a number as text; "" for none.
func attribute(it item, name string) string {
	switch value := it[name].(type) {
	case *types.AttributeValueMemberS:
		return value.Value
	case *types.AttributeValueMemberN:
		return value.Value
	}
	return ""
}

func hash(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// read takes from an entry's text what the checks and the words about it need.
func read(entry issuing.AuditEntry) (said, error) {
	var s said
	err := json.Unmarshal(entry.Text, &s)
	return s, err
}
