package cost

import (
	"fmt"
	"math"

	"qmslicensing/infra/local/template"
)

const (
	million  = 1e6
	gigabyte = 1 << 30 // bytes of a GB, as AWS counts
	// metered is the bytes that API Gateway counts as one request.
	metered = 512 << 10
)

// archive is the function that copies each audit entry, once for each entry at worst.
const archive = "ArchiveFunction"

// Part is one item of a bill.
type Part struct {
	Name string
	USD  float64
}

// Line is what 1,000,000 calls of one operation cost.
type Line struct {
	Function string // logical id
	Call     Call
	Parts    []Part  // always the same, in the same order
	Kept     float64 // dollars a month for what they leave in the tables, until it is deleted
}

// Sum is the sum of the parts, without what is kept.
func (l Line) Sum() float64 {
	sum := 0.0
	for _, part := range l.Parts {
		sum += part.USD
	}
	return sum
}

// Operations gives a line for every operation with a route, the functions in the template's order.
func (s Sheet) Operations(app *template.Application) ([]Line, error) {
	var lines []Line
	for _, f := range app.Functions {
		for _, call := range s.Calls[f.LogicalID] {
			if call.Route == "" {
				continue
			}
			line, err := s.line(app, f, call)
			if err != nil {
				return nil, err
			}
			lines = append(lines, line)
		}
	}
	return lines, nil
}

func (s Sheet) line(app *template.Application, f template.Function, call Call) (Line, error) {
	lambda, err := s.lambda(f)
	if err != nil {
		return Line{}, err
	}
	copied, err := s.copied(app)
	if err != nil {
		return Line{}, err
	}
	p, a := s.Prices, s.Assumptions
	front := p.of("CloudFront request", 1) + p.of("WAF request", 1) + p.of("CloudFront to viewer", (float64(call.AnswerBytes)+a.AnswerHeaderBytes)/gigabyte)
	if call.RequestBytes > 0 { // of GET and HEAD nothing is charged on the way to the origin
		front += p.of("CloudFront to origin", (float64(call.RequestBytes)+a.RequestHeaderBytes)/gigabyte)
	}
	line := Line{Function: f.LogicalID, Call: call, Parts: []Part{
		{"API Gateway", p.of("HTTP API request", max(1, math.Ceil(float64(max(call.RequestBytes, call.AnswerBytes))/metered)))},
		{"CloudFront, WAF", front},
		{"Lambda", lambda * float64(call.Invocations)},
		{"DynamoDB", p.of("DynamoDB read unit", call.Reads) + p.of("DynamoDB write unit", call.Writes)},
		{"KMS", p.of("KMS signature, ECC", float64(call.Signatures))},
		{"logs", p.of("Log ingestion", (float64(call.LogBytes)+a.PlatformLogBytes*float64(call.Invocations))/gigabyte)},
		{"archive", copied * float64(call.AuditEntries)},
	}}
	for n := range line.Parts {
		line.Parts[n].USD *= million
	}
	stored := float64(call.StoredBytes) * million / gigabyte
	line.Kept = p.of("DynamoDB storage", stored) + p.of("DynamoDB point-in-time recovery", stored)
	return line, nil
}

// lambda is the price of one invocation.
func (s Sheet) lambda(f template.Function) (float64, error) {
	milliseconds, assumed := s.Assumptions.Milliseconds[f.LogicalID]
	if !assumed {
		return 0, fmt.Errorf("assumptions.json says no milliseconds of %s", f.LogicalID)
	}
	return s.Prices.of("Lambda request", 1) + s.Prices.of("Lambda GB-second, arm64", milliseconds/1000*float64(f.MemoryMB)/1024), nil
}

// copied is the price of archiving one audit entry; nothing while the template has no archive.
func (s Sheet) copied(app *template.Application) (float64, error) {
	for _, f := range app.Functions {
		if f.LogicalID != archive {
			continue
		}
		lambda, err := s.lambda(f)
		return lambda + s.Prices.of("S3 PUT", 1) + s.Prices.of("DynamoDB stream read by Lambda", 1) +
			s.Prices.of("Log ingestion", s.Assumptions.PlatformLogBytes/gigabyte), err
	}
	return 0, nil
}
