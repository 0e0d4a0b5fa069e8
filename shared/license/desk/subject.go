package desk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/policy"
)

// Subject is what an exception is for: one server, or one lineage. The other member is "".
type Subject struct {
	ServerToken license.ServerToken
	LineageID   string
}

// allowanceID is where the newest exception of a subject from a rule is found, without an index.
func (s Subject) allowanceID(rule license.Code) string {
	text, err := json.Marshal([]string{string(rule), string(s.ServerToken), s.LineageID})
	if err != nil {
		panic("desk: " + err.Error()) // three strings
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// wish is what an exception is asked and granted by, cleaned.
type wish struct {
	subject Subject
	rule    license.Code
	reason  string
	days    int
}

// clean checks what both the request for an exception and its grant must say.
func clean(rawToken, lineageID, rule, reason string, days int) (wish, error) {
	w := wish{rule: license.Code(rule), days: days}
	text, reasonErr := license.CleanText("/reason", "The reason", reason, 1, policy.MaxNote)
	w.reason = text
	var subjectErr error
	switch {
	case w.rule == license.QuotaExceeded:
		return w, license.Collect(license.Invalid("/rule", "The licenses that one person makes on one day have no exception: they count anew from midnight UTC. If that is too late, a colleague can go on, or an operator raises LicensesPerPersonDay."), reasonErr)
	case !slices.Contains(policy.Rules(), w.rule):
		return w, license.Collect(license.Invalid("/rule", "The rule must be %s; this is %q. Give the code of the refusal that you met.", ruleNames(), rule), reasonErr)
	case w.rule == license.RehostLimit:
		w.subject, subjectErr = cleanLineage(rawToken, lineageID)
	default:
		w.subject, subjectErr = cleanServer(rawToken, lineageID, w.rule)
	}
	return w, license.Collect(subjectErr, checkDays(w.rule, days), reasonErr)
}

func checkDays(rule license.Code, days int) error {
	switch {
	case days == 0:
		return nil
	case rule == license.RehostLimit:
		return license.Invalid("/days", "A re-host has no length of its own. Leave days out.")
	case days < 1 || days > policy.MaxTemporaryDays:
		return license.Invalid("/days", "The days are how long the license may be, 1 to %d; this is %d. Leave days out if it is the number of licenses that is lifted, not their length.", policy.MaxTemporaryDays, days)
	}
	return nil
}

func ruleNames() string {
	var names []string
	for _, rule := range policy.Rules() {
		names = append(names, string(rule))
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}

func cleanServer(rawToken, lineageID string, rule license.Code) (Subject, error) {
	if lineageID != "" {
		return Subject{}, license.Invalid("/lineageId", "%s is a limit of a server. Give its serverToken, and leave lineageId out.", rule)
	}
	token, err := license.ParseServerToken(rawToken)
	return Subject{ServerToken: token}, license.PointAt(err, "/serverToken")
}

func cleanLineage(rawToken, lineageID string) (Subject, error) {
	if rawToken != "" {
		return Subject{}, license.Invalid("/serverToken", "%s is a limit of a lineage, over all its servers. Give lineageId, as every license of it shows, and leave serverToken out.", license.RehostLimit)
	}
	id := strings.ToLower(strings.TrimSpace(lineageID))
	if !license.IsID(id) {
		return Subject{}, license.Invalid("/lineageId", "Give the lineageId that the license shows: 32 digits 0-9 and letters a-f.")
	}
	return Subject{LineageID: id}, nil
}

// maxLineage is how many licenses of a lineage are looked through: more than 80 years of renewals by the month.
const maxLineage = 1000

// home returns the server whose chain tells of a subject: its own, or the one that the lineage's newest license is on.
func home(ctx context.Context, store ledger.Reader, s Subject) (license.ServerToken, error) {
	if s.LineageID == "" {
		return s.ServerToken, nil
	}
	last, err := store.Record(ctx, s.LineageID)
	switch {
	case err != nil:
		return "", license.PointAt(err, "/lineageId")
	case last.LineageID != last.ID:
		return "", license.Invalid("/lineageId", "This is the id of one license. Give its lineageId: %s.", last.LineageID)
	case last.Type == license.Temporary:
		return "", license.Invalid("/lineageId", "This license is temporary, and only permanent licenses and subscriptions are re-hosted. Give the lineageId of one of these.")
	}
	for range maxLineage {
		if last.SupersededBy == "" {
			return last.ServerToken, nil
		}
		next, err := store.Record(ctx, string(last.SupersededBy))
		if err != nil {
			return "", err
		}
		if next.LineageID != s.LineageID {
			return last.ServerToken, nil
		}
		last = next
	}
	return "", fmt.Errorf("lineage %s has more than %d licenses", s.LineageID, maxLineage)
}

// second is an instant as people are shown it: whole seconds, in UTC.
func second(at time.Time) time.Time { return at.UTC().Truncate(time.Second) }

// read decodes the body of a document.
func read(d ledger.Document, into any) error {
	if err := json.Unmarshal(d.Body, into); err != nil {
		return fmt.Errorf("reading %s %s: %w", d.Kind, d.ID, err)
	}
	return nil
}

// document makes a document of a body.
func document(kind, id string, version int, state State, at time.Time, body any) (ledger.Document, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return ledger.Document{}, fmt.Errorf("writing %s %s: %w", kind, id, err)
	}
	return ledger.Document{Kind: kind, ID: id, Version: version, State: string(state), At: at.UTC(), Body: text}, nil
}
