package cost

import (
	"regexp"
)

// Calls are what one call of each operation uses, by the logical id of its function, which may have several.
// infra/local/e2e counts them on the local stack, with warm functions, and holds calls.json to it.
type Calls map[string][]Call

// scheduled returns the call of a function that its schedule makes.
func (c Calls) scheduled(function string) (Call, bool) {
	for _, call := range c[function] {
		if call.Route == "" {
			return call, true
		}
	}
	return Call{}, false
}

// Call is what one call uses. The key table, which a warm function reads once a minute, is no part of it.
type Call struct {
	Operation    string  `json:"operation"`       // in words
	Route        string  `json:"route,omitempty"` // "" for a schedule
	RequestBytes int     `json:"requestBytes"`    // of the body
	AnswerBytes  int     `json:"answerBytes"`     // of the body
	LogBytes     int     `json:"logBytes"`        // of the function's and the API's lines
	Invocations  int     `json:"invocations"`     // of Lambda
	Requests     int     `json:"dynamodbRequests"`
	Reads        float64 `json:"readUnits"`
	Writes       float64 `json:"writeUnits"`
	StoredBytes  int     `json:"storedBytes"`  // what stays in tables and indexes
	AuditEntries int     `json:"auditEntries"` // of these
	Signatures   int     `json:"signatures"`   // of KMS
}

// contextVariable is one of API Gateway's in the format of an access log.
var contextVariable = regexp.MustCompile(`\$context\.[A-Za-z.]+`)

// AccessLine is the bytes of a line of the access log for a call that succeeds.
func AccessLine(format, route string) int {
	typical := map[string]string{
		"$context.requestTime": "23/Nov/2026:12:00:00 +0000", "$context.requestId": "JKJaXmPLvHcESHA=", "$context.routeKey": route,
		"$context.status": "200", "$context.responseLatency": "25",
	}
	return len(contextVariable.ReplaceAllStringFunc(format, func(name string) string {
		if value, known := typical[name]; known {
			return value
		}
		return "-" // nothing to say of a call that succeeds
	}))
}
