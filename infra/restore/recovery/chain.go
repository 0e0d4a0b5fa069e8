package recovery

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
)

// said is what is read of an audit entry's text.
type said struct {
	Number      int              `json:"number"`
	Previous    string           `json:"previous"`
	At          time.Time        `json:"at"`
	Event       ledger.Event     `json:"event"`
	Operation   ledger.Operation `json:"operation"`
	By          struct{ Username string }
	License     license.License     `json:"license"` // no id: the entry is of something else
	Predecessor string              `json:"predecessor"`
	MovedFrom   license.ServerToken `json:"movedFrom"`
	Voids       string              `json:"voids"`
	Reason      string              `json:"voidReason"`
	RequestID   string              `json:"licenseRequestId"`
	Uses        []string            `json:"exceptionIds"`

	Document *ledger.AuditDocument  `json:"document"`
	Others   []ledger.AuditDocument `json:"otherDocuments"`
	Counted  []string               `json:"counted"`
}

// documents are those that the entry holds whole, as they were after it.
func (s said) documents() []ledger.AuditDocument {
	if s.Document == nil {
		return s.Others
	}
	return append([]ledger.AuditDocument{*s.Document}, s.Others...)
}

// bare are the documents that the entry changed and names only by their ids, as entries of the first versions did.
func (s said) bare() []ledger.AuditDocument {
	if s.Event != ledger.EventIntent && s.Event != ledger.EventVoided {
		return nil
	}
	var named []ledger.AuditDocument
	if s.RequestID != "" && s.Operation != ledger.OpCorrect { // those that took one hold it
		named = append(named, ledger.AuditDocument{Kind: ledger.KindRequest, ID: s.RequestID})
	}
	for _, id := range s.Uses {
		named = append(named, ledger.AuditDocument{Kind: ledger.KindException, ID: id})
	}
	return slices.DeleteFunc(named, func(d ledger.AuditDocument) bool {
		return slices.ContainsFunc(s.Others, func(whole ledger.AuditDocument) bool { return nameOf(whole) == nameOf(d) })
	})
}

// corrects is the license that the issue of another one revoked; "" for none.
func (s said) corrects() string {
	if s.Operation == ledger.OpCorrect && s.Event == ledger.EventIssued {
		return s.Predecessor
	}
	return ""
}

func read(entry ledger.AuditEntry) (said, error) {
	var s said
	err := json.Unmarshal(entry.Text, &s)
	return s, err
}

// chain is the audit entries of one server by number.
type chain []ledger.AuditEntry

// broken says where a chain breaks first; "" when every entry follows the one before.
func (c chain) broken() string {
	if found := ledger.Follow(c); found != nil {
		return found.Detail
	}
	return ""
}

// head is the hash of entry n; "" for 0.
func (c chain) head(n int) string {
	if n == 0 || n > len(c) {
		return ""
	}
	return c[n-1].Hash
}

func byNumber(a, b ledger.AuditEntry) int { return a.Number - b.Number }

// readChains reads the audit table, each server's entries by number.
func readChains(ctx context.Context, tables Tables, table string) (map[license.ServerToken]chain, error) {
	chains := map[license.ServerToken]chain{}
	err := scan(ctx, tables, table, func(it item) error {
		number, err := strconv.Atoi(attribute(it, "sk"))
		if err != nil {
			return fmt.Errorf("an item without a number: %w", err)
		}
		token := license.ServerToken(attribute(it, "pk"))
		chains[token] = append(chains[token], ledger.AuditEntry{
			ServerToken: token, Number: number, LicenseID: attribute(it, "licenseId"), Text: []byte(attribute(it, "entry")), Hash: attribute(it, "hash"),
		})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading table %s: %w", table, err)
	}
	for _, c := range chains {
		slices.SortFunc(c, byNumber)
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
