// Package template reads template.yaml: the one source of routes, functions, permissions, tables and keys. It resolves
// the few intrinsic functions that the template uses; anything it does not understand is an error that names it.
package template

import (
	"strings"
	"time"
)

// Region and Account are the ones that the local stack plays.
const (
	Region  = "us-east-1"
	Account = "000000000000"
)

// Application is the template with every reference resolved for the local stack.
type Application struct {
	Functions  []Function
	Routes     []Route
	Schedules  []Schedule
	Tables     []Table
	Keys       []Key
	Buckets    []Bucket
	Queues     []Queue
	Sources    []Source
	Authorizer Authorizer
	AccessLog  string              // format of the API's access log
	References map[string][]string // logical ID → what must exist first, SAM's generated roles included
}

// Function is one AWS::Serverless::Function.
type Function struct {
	LogicalID   string            // such as IssueFunction
	Name        string            // the folder below functions/ and build/, such as issue
	CodeURI     string            // build/<name>, relative to the template
	RoleARN     string            // of the role that SAM makes for it
	Timeout     time.Duration     // one invocation's bound
	MemoryMB    int               //
	Reserved    int               // concurrent runs kept for it; 0 keeps none
	Environment map[string]string // Variables, resolved
	Statements  []Statement       // of its own policies
}

// Route is one HTTP API event of a function.
type Route struct {
	Method     string   // GET, POST, …
	Path       string   // with {name} for path parameters
	Function   string   // LogicalID
	Authorized bool     // whether the JWT authorizer guards it
	Scopes     []string // of which the token needs one
	Limits     Limits
}

// Limits are those of a route's throttling; the local gateway does not play it.
type Limits struct {
	Rate  int // requests a second
	Burst int // requests at once
}

// Schedule runs a function every so often.
type Schedule struct {
	Function string
	Every    time.Duration
	Input    string // the event, JSON
}

// Table is one DynamoDB table.
type Table struct {
	LogicalID  string
	Name       string
	Properties map[string]any // KeySchema, AttributeDefinitions, GlobalSecondaryIndexes, StreamSpecification as the template has them, resolved
}

// Key is one KMS key with its key policy.
type Key struct {
	LogicalID string // such as SoldSigningKey
	ARN       string
	Spec      string   // ECC_NIST_P256
	Usage     string   // SIGN_VERIFY
	Purpose   string   // tag purpose: temporary or sold
	State     string   // tag state: signing, standby or retired
	Aliases   []string // such as alias/qms-licensing-sold-signing
	Policy    []Statement
}

// ID is the key id, the end of its ARN.
func (k Key) ID() string { return k.ARN[strings.LastIndex(k.ARN, "/")+1:] }

// Bucket is one S3 bucket with its bucket policy.
type Bucket struct {
	LogicalID     string
	Name          string
	RetentionMode string // GOVERNANCE or COMPLIANCE, of Object Lock's default; empty when nothing is locked
	RetentionDays int
	Versioned     bool
	Encryption    string // the algorithm, such as AES256
	Private       bool   // all four blocks of public access, and no ACLs
	Policy        []Statement
}

// Queue is one SQS queue. Nothing local sends to it.
type Queue struct {
	LogicalID string
	ARN       string
	Encrypted bool
	Policy    []Statement
}

// Source is one event source mapping: a table's stream that triggers a function.
type Source struct {
	LogicalID    string
	Function     string // LogicalID
	Table        string // name
	Batch        int    // records at most
	Bisect       bool   // of a batch that fails as a whole
	Partial      bool   // whether the function reports the records that failed
	MaxRetries   int    // -1: no bound
	MaxAge       time.Duration
	DeadLetterTo string // LogicalID of the queue
}

// Authorizer is the HTTP API's JWT authorizer.
type Authorizer struct {
	Issuer   string
	Audience []string
}

// Statement is one statement of an identity policy or, with Principals, of the policy of a key, bucket or queue.
type Statement struct {
	Sid        string
	Effect     string // Allow or Deny
	Principals []string
	Actions    []string
	Resources  []string
	Conditions map[string]map[string][]string // operator → key → values
}
