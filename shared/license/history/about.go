package history

import (
	"encoding/json"
	"fmt"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
)

// about keeps, of all entries read, those of the license's server, those of its lineage, and those of the requests and
// exceptions of its lineage: a request that one of its licenses answers, an exception that one used, what names the
// lineage itself. Licenses that an exception allowed say so.
func about(all []entry, record ledger.Record) []placed {
	wanted, grants := documentsOf(all, record.LineageID)
	var events []placed
	for _, e := range all {
		concerned := e.document != nil && wanted[e.document.ID]
		if e.ServerToken != record.ServerToken && e.lineage != record.LineageID && !concerned {
			continue
		}
		if e.Event.Event == ledger.EventIntent || e.Event.Event == ledger.EventIssued {
			for _, id := range e.ExceptionIDs {
				e.Sentence += grants[id].sentence()
			}
		}
		events = append(events, e.placed)
	}
	return events
}

// grant is what sentences say of an exception, and what finds its request.
type grant struct {
	Rule      license.Code     `json:"rule"`
	Reason    string           `json:"reason"`
	Days      int              `json:"days"`
	GrantedBy string           `json:"grantedBy"`
	LineageID license.Optional `json:"lineageId"`
	RequestID license.Optional `json:"requestId"`
}

// sentence follows that of the license that the exception allowed. One that is in no chain is told without particulars.
func (g grant) sentence() string {
	if g.GrantedBy == "" {
		return " It was allowed by an exception."
	}
	return fmt.Sprintf(" It was allowed by an exception from %s that %s granted%s%s.", rule(g.Rule), g.GrantedBy, length(" for up to ", g.Days), because(g.Reason))
}

// documentsOf returns the ids of a lineage's documents, and every exception granted in these chains by its id.
func documentsOf(all []entry, lineage string) (wanted map[string]bool, grants map[string]grant) {
	wanted, grants = map[string]bool{}, map[string]grant{}
	for _, e := range all {
		if e.lineage != lineage {
			continue
		}
		wanted[string(e.LicenseRequestID)] = true
		for _, id := range e.ExceptionIDs {
			wanted[id] = true
		}
	}
	asked := map[string]string{} // exceptions by the requests that they answer
	for _, e := range all {
		if e.document == nil {
			continue
		}
		var g grant
		if json.Unmarshal(e.document.Body, &g) != nil {
			continue
		}
		if string(g.LineageID) == lineage {
			wanted[e.document.ID] = true
		}
		if e.Event.Event == ledger.EventExceptionGranted {
			grants[e.document.ID] = g
			asked[string(g.RequestID)] = e.document.ID
		}
	}
	for request, exception := range asked {
		if request != "" && wanted[exception] {
			wanted[request] = true
		}
	}
	delete(wanted, "")
	return wanted, grants
}
