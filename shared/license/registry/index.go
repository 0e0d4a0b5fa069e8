package registry

import (
	"context"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/customer"
	"qmslicensing/shared/license/ledger"
)

// Index is one order in which licenses are kept to be found.
type Index string

// The indexes. ByServer and ByContract hold the licenses of one server or contract in a partition of their own; the others
// are one order over all licenses. ByExpiration is sparse: it holds what is stored active and has an expiration date.
const (
	ByServer     Index = "byServer"     // by sequence
	ByContract   Index = "byContract"   // by the instant of issue
	ByCustomer   Index = "byCustomer"   // by name, under one name the newest first
	ByExpiration Index = "byExpiration" // by expiration date
	ByIssue      Index = "byIssue"      // by the instant of issue
)

// Entry is what an index holds of a license: what queries filter by. The keys of the other indexes may be missing.
type Entry struct {
	ID          string
	ServerToken license.ServerToken
	Sequence    int
	Type        license.Type
	Purpose     license.Purpose
	Status      license.Status // as stored
	IssuedBy    string
	LastEvent   string // ledger.Change.What
	IssuedKey   string // instant and id
	CustomerKey string // folded name, reversed instant and id
	ContractKey string // the contract as contractKey writes it; "" without one
	ExpiringKey string // expiration date and id; "" without one
}

// afterName stands after the name in a CustomerKey, before every character of a longer name.
const afterName = "\t"

// maxName bounds the name in a CustomerKey in characters: a key of an index has at most 1,024 bytes.
const maxName = 200

// EntryOf returns what the indexes hold of a license.
func EntryOf(r ledger.Record) Entry {
	at := r.IssuedAt.UTC()
	e := Entry{
		ID: r.ID, ServerToken: r.ServerToken, Sequence: r.Sequence, Type: r.Type, Purpose: r.Purpose, Status: r.Status,
		IssuedBy: r.IssuedBy, LastEvent: r.LastChange.What,
		IssuedKey:   at.Format("2006-01-02T15:04:05.000000000Z") + "#" + r.ID,
		CustomerKey: foldName(r.Customer) + afterName + fmt.Sprintf("%019d", math.MaxInt64-at.UnixNano()) + "#" + r.ID,
		ContractKey: contractKey(string(r.Contract)),
	}
	if !r.ExpiresOn.IsNever() {
		e.ExpiringKey = r.ExpiresOn.String() + "#" + r.ID
	}
	return e
}

// foldName folds a customer's name and cuts what a key cannot hold: a compatibility character may fold to a sentence.
func foldName(name string) string {
	fold := customer.Fold(name)
	for utf8.RuneCountInString(fold) > maxName {
		_, last := utf8.DecodeLastRuneInString(fold)
		fold = fold[:len(fold)-last]
	}
	return fold
}

// contractKey writes a contract so that one typed in small letters is found.
func contractKey(contract string) string { return strings.ToUpper(contract) }

// Position returns where the entry stands in an index: unique, in the order of bytes.
func (e Entry) Position(index Index) string {
	switch index {
	case ByServer:
		return fmt.Sprintf("%012d", e.Sequence)
	case ByCustomer:
		return e.CustomerKey
	case ByExpiration:
		return e.ExpiringKey
	}
	return e.IssuedKey
}

// Partition returns the partition of an index that the entry stands in, "" for those that are one order; ok is false if
// the index does not hold it.
func (e Entry) Partition(index Index) (partition string, ok bool) {
	switch index {
	case ByServer:
		return string(e.ServerToken), true
	case ByContract:
		return e.ContractKey, e.ContractKey != ""
	case ByExpiration:
		return "", e.ExpiringKey != "" && e.Status == license.Active
	}
	return "", true
}

// Span is a part of an index: the positions from Low to below High, "" being open, in falling order if Falling.
type Span struct {
	Index     Index
	Partition string // of ByServer and ByContract
	Low, High string
	Falling   bool
}

// Beyond sorts after every character that a position has, and so after every position that begins with what is before it.
const beyond = "\U0010FFFF"

// After returns what of the span comes after a position.
func (s Span) After(position string) Span {
	if s.Falling {
		s.High = position
	} else {
		s.Low = position + beyond // no position is the beginning of another
	}
	return s
}

// Empty reports whether no position can be in the span.
func (s Span) Empty() bool { return s.High != "" && s.Low >= s.High }

// Indexes reads the indexes. They may lag behind. An unreachable store is license.ErrUnclear.
type Indexes interface {
	// Entries returns the first entries of a span in its order, at most limit; fewer say that there are no more.
	Entries(ctx context.Context, span Span, limit int) ([]Entry, error)
	// Records returns the licenses with these ids in their order, by consistent reads; one that is not there is left out.
	Records(ctx context.Context, ids []string) ([]ledger.Record, error)
	// CountExpiring counts the entries of ByExpiration from a day to another, both included. What it costs grows with
	// the counts.
	CountExpiring(ctx context.Context, from, to license.Date) (Expiring, error)
}

// Expiring counts licenses that expire: subscriptions, and temporary ones.
type Expiring struct {
	Subscriptions int `json:"subscriptions"`
	Temporary     int `json:"temporary"`
}
