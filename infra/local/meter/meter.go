// Package meter stands between the permission gate and what it forwards to and notes what AWS would charge for: the
// read and write request units of DynamoDB and the signatures of KMS, each with the function that asked.
//
// DynamoDB Local reports the units itself when it is asked to (ReturnConsumedCapacity): transactions twice, indexes on
// their own. Where it differs from AWS the meter helps. DynamoDB Local rounds the items of a transaction together and AWS
// each on its own, so the meter carries a transaction out item by item: put it into a stack only where calls come one
// after the other. A query that finds nothing costs half a unit on AWS and none here. Whether AWS doubles an index's
// part of a transaction is not written anywhere; DynamoDB Local does, so the figures are at worst too high.
package meter

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"qmslicensing/infra/local/gate"
)

// Request is one request that succeeded.
type Request struct {
	Principal string // a function's logical id, or gate.Operator
	Action    string // such as dynamodb:TransactWriteItems or kms:Sign
	Consumed  []Consumed
	Puts      map[string]int // table → items that a transaction puts there
}

// Consumed is what a request used of a table, or of one of its indexes.
type Consumed struct {
	Table, Index string
	Reads        float64 // read request units: 4 KB each, half of one when eventually consistent
	Writes       float64 // write request units: 1 KB each, two in a transaction
}

// Meter notes requests until they are taken. The zero value is ready.
type Meter struct {
	mu       sync.Mutex
	requests []Request
}

// Take returns what was noted since the last time.
func (m *Meter) Take() []Request {
	m.mu.Lock()
	defer m.mu.Unlock()
	taken := m.requests
	m.requests = nil
	return taken
}

func (m *Meter) note(r Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.requests = append(m.requests, r)
}

// KMS notes the requests of next, a KMS endpoint.
func (m *Meter) KMS(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := gate.Hold()
		next.ServeHTTP(answer, r)
		if answer.Status == http.StatusOK {
			m.note(Request{Principal: principal(r), Action: "kms:" + operation(r)})
		}
		answer.Replay(w)
	})
}

// DynamoDB notes the requests of next, a DynamoDB endpoint, after asking it what they consume.
func (m *Meter) DynamoDB(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var members map[string]json.RawMessage
		if err == nil {
			err = json.Unmarshal(body, &members)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		noted := Request{Principal: principal(r), Action: "dynamodb:" + operation(r), Puts: puts(members["TransactItems"])}
		var answer *gate.Held
		for _, part := range parts(members) {
			if charged(operation(r)) {
				part["ReturnConsumedCapacity"] = json.RawMessage(`"INDEXES"`)
			}
			body, _ := json.Marshal(part) // of what was JSON
			one := r.Clone(r.Context())
			one.Body, one.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			answer = gate.Hold()
			if next.ServeHTTP(answer, one); answer.Status != http.StatusOK {
				break
			}
			noted.Consumed = append(noted.Consumed, consumed(operation(r), answer.Body)...)
		}
		if answer.Status == http.StatusOK && charged(operation(r)) {
			m.note(noted)
		}
		answer.Replay(w)
	})
}

// parts are a transaction's items one by one, and everything else as it is.
func parts(members map[string]json.RawMessage) []map[string]json.RawMessage {
	var items []json.RawMessage
	if json.Unmarshal(members["TransactItems"], &items) != nil || len(items) == 0 {
		return []map[string]json.RawMessage{members}
	}
	list := make([]map[string]json.RawMessage, len(items))
	for n, item := range items {
		one, _ := json.Marshal([]json.RawMessage{item}) // of what was JSON
		list[n] = map[string]json.RawMessage{"TransactItems": one}
	}
	return list
}

// charged reports whether an operation is on items: those on tables and streams are free, or not ours.
func charged(operation string) bool {
	return slices.Contains([]string{"GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan",
		"BatchGetItem", "BatchWriteItem", "TransactGetItems", "TransactWriteItems"}, operation)
}

// capacity is DynamoDB's ConsumedCapacity.
type capacity struct {
	TableName              string
	Table                  units
	GlobalSecondaryIndexes map[string]units
}

type units struct{ CapacityUnits float64 }

func consumed(operation string, answer []byte) []Consumed {
	var one struct{ ConsumedCapacity capacity }
	var many struct{ ConsumedCapacity []capacity }
	if json.Unmarshal(answer, &many) != nil && json.Unmarshal(answer, &one) == nil {
		many.ConsumedCapacity = []capacity{one.ConsumedCapacity}
	}
	var list []Consumed
	for _, c := range many.ConsumedCapacity {
		found := map[string]units{"": c.Table}
		maps.Copy(found, c.GlobalSecondaryIndexes)
		for index, used := range found {
			switch {
			case index == "" && used.CapacityUnits == 0 && len(found) > 1: // a query of an index leaves the table alone
			case strings.Contains(operation, "Get"), operation == "Query", operation == "Scan":
				list = append(list, Consumed{Table: c.TableName, Index: index, Reads: max(used.CapacityUnits, 0.5)})
			default:
				list = append(list, Consumed{Table: c.TableName, Index: index, Writes: used.CapacityUnits})
			}
		}
	}
	return list
}

func puts(items json.RawMessage) map[string]int {
	var elements []struct{ Put *struct{ TableName string } }
	if json.Unmarshal(items, &elements) != nil { // no transaction
		return nil
	}
	found := map[string]int{}
	for _, e := range elements {
		if e.Put != nil {
			found[e.Put.TableName]++
		}
	}
	return found
}

func operation(r *http.Request) string {
	_, name, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	return name
}

// principal is who the gate let through.
func principal(r *http.Request) string {
	return strings.TrimPrefix(gate.SignedBy(r.Header.Get("Authorization")), gate.AccessKey(""))
}
