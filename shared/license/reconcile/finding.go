package reconcile

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
)

// Code names one thing that can be wrong. Codes are append-only.
type Code string

// The codes of findings.
const (
	PendingTooLong      Code = "pending_too_long"
	SlotWrong           Code = "slot_wrong"
	SequenceWrong       Code = "sequence_wrong"
	HighestBaseWrong    Code = "highest_base_wrong"
	LicenseMissing      Code = "license_missing"
	LicenseNotInChain   Code = "license_not_in_chain"
	LicenseChanged      Code = "license_changed"
	LicenseKeyWrong     Code = "license_key_wrong"
	ServerMissing       Code = "server_missing"
	ChainBroken         Code = "chain_broken"
	IdempotencyOrphan   Code = "idempotency_orphan"
	DocumentWrong       Code = "document_wrong"
	SignaturesUncounted Code = "signatures_uncounted"
	Unreadable          Code = "unreadable"
)

// Codes lists every Code. Tests range over it.
func Codes() []Code {
	return []Code{
		PendingTooLong, SlotWrong, SequenceWrong, HighestBaseWrong, LicenseMissing, LicenseNotInChain, LicenseChanged,
		LicenseKeyWrong, ServerMissing, ChainBroken, IdempotencyOrphan, DocumentWrong, SignaturesUncounted, Unreadable,
	}
}

// Severity says how soon somebody must look.
type Severity string

// The severities: something does not go on by itself; stored things contradict each other; somebody has changed or made
// what only this system may.
const (
	Warning  Severity = "warning"
	Error    Severity = "error"
	Critical Severity = "critical"
)

// severities and next steps of the codes.
var kinds = map[Code]struct {
	severity Severity
	next     string
}{
	PendingTooLong:      {Warning, "See whether the sweep runs and its key can be used; it finishes or gives up what is pending."},
	SlotWrong:           {Error, "Read the history of the server's licenses, which says what should stand there, and mend the server item with a second person watching."},
	SequenceWrong:       {Error, "Read the history of the server's licenses: a number that is missing or twice there was changed by hand."},
	HighestBaseWrong:    {Error, "Read the history of the server's licenses and mend the server item with a second person watching."},
	LicenseMissing:      {Critical, "Issue nothing for this server. Bring the license back from a restore of the table; its audit entry and the archive say what it was."},
	LicenseNotInChain:   {Critical, "It was not made by this system. Find out who wrote to the table (CloudTrail), and revoke what the license key lets run."},
	LicenseChanged:      {Critical, "Compare it with its history and find out who wrote to the table (CloudTrail); the audit entry and the archive say what is right."},
	LicenseKeyWrong:     {Critical, "Hand this license to nobody. Compare it with its history, and find out who wrote to the table (CloudTrail)."},
	ServerMissing:       {Critical, "Issue nothing for this server. Bring the server item back from a restore of the table."},
	ChainBroken:         {Critical, "Compare the chain with the archive, which nobody can change, and find out who wrote to the audit table (CloudTrail)."},
	IdempotencyOrphan:   {Error, "Find out whether what it names was deleted; bring it back from a restore of the table."},
	DocumentWrong:       {Error, "Read the history of the server: it says what each document is, which license used it, and who changed it when."},
	SignaturesUncounted: {Critical, "Look in CloudTrail for Sign calls by anyone but this system's functions. If a key may have been used by somebody else, rotate it. Another application with elliptic keys in this account is counted too."},
	Unreadable:          {Critical, "Find out who wrote to the table (CloudTrail); bring the item back from a restore of the table."},
}

// Finding is one thing that is wrong.
type Finding struct {
	Code        Code             `json:"code"`
	Severity    Severity         `json:"severity"`
	Detail      string           `json:"detail"` // what is, and the next step
	LicenseID   license.Optional `json:"licenseId"`
	ServerToken license.Optional `json:"serverToken"`
}

// finding makes one; the sentence says what is, the next step follows from the code.
func finding(code Code, licenseID string, token license.ServerToken, format string, args ...any) Finding {
	kind := kinds[code]
	return Finding{code, kind.severity, fmt.Sprintf(format, args...) + " " + kind.next, license.Optional(licenseID), license.Optional(token)}
}

// id is the same for the same thing found twice in a run.
func (f Finding) id(runID string) string { return hashID(runID, string(f.Code), f.Detail) }

// hashID makes a document's id of texts.
func hashID(texts ...string) string {
	text, err := json.Marshal(texts)
	if err != nil {
		panic("reconcile: " + err.Error()) // strings
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// Listed is a finding with when it was found.
type Listed struct {
	Finding
	At time.Time `json:"at"`
}

// Page is one page of a run's findings, newest first, and the cursor of the next, "" on the last. Without any run, Run
// is nil.
type Page struct {
	Run      *Run
	Findings []Listed
	Next     string
}

// The bounds of a page.
const (
	DefaultLimit = 50
	MaxLimit     = 100
)

// Findings returns those of a run, "" for the newest; admin only. limit is 1 to MaxLimit. A run or cursor that is not
// one is InvalidRequest.
func (r *Runner) Findings(ctx context.Context, caller license.Caller, runID, cursor string, limit int) (Page, error) {
	if err := caller.Authorize(license.SeeKeysAndFindings); err != nil {
		return Page{}, err
	}
	after, err := readCursor(cursor)
	if err != nil {
		return Page{}, err
	}
	given := runID != ""
	if !given {
		var last newest
		if _, err := r.read(ctx, newestKind, newestID, &last); err != nil {
			return Page{}, err
		}
		if runID = last.RunID; runID == "" {
			return Page{}, nil
		}
	}
	run, found := progress{}, false
	if license.IsID(runID) {
		if run, found, err = r.readRun(ctx, runID); err != nil {
			return Page{}, err
		}
	}
	if !found {
		return Page{}, license.Invalid("query:run", "There is no run with this id. Leave it out for the newest one.")
	}
	documents, err := r.store.Documents(ctx, findingKind, run.ID, after, limit+1)
	if err != nil {
		return Page{}, err
	}
	return pageOf(&run.Run, documents, limit)
}

func pageOf(run *Run, documents []ledger.Document, limit int) (Page, error) {
	page := Page{Run: run}
	for n, d := range documents {
		if n == limit {
			last := documents[n-1]
			page.Next = base64.RawURLEncoding.EncodeToString([]byte(last.At.UTC().Format(time.RFC3339Nano) + "#" + last.ID))
			break
		}
		one := Listed{At: d.At}
		if err := json.Unmarshal(d.Body, &one.Finding); err != nil {
			return page, fmt.Errorf("reading finding %s: %w", d.ID, err)
		}
		page.Findings = append(page.Findings, one)
	}
	return page, nil
}

func readCursor(cursor string) (ledger.Position, error) {
	if cursor == "" {
		return ledger.Position{}, nil
	}
	text, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err == nil && len(text) > 33 && text[len(text)-33] == '#' && license.IsID(string(text[len(text)-32:])) {
		if at, err := time.Parse(time.RFC3339Nano, string(text[:len(text)-33])); err == nil {
			return ledger.Position{At: at, ID: string(text[len(text)-32:])}, nil
		}
	}
	return ledger.Position{}, license.Invalid("query:cursor", "This cursor is not one of this list. Leave it out to start at the newest finding.")
}
