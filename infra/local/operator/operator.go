// Package operator does on a local stack what operators do on a deployed one: it fills the key table, and reaches tables
// and keys as a principal of its choice.
package operator

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"qmslicensing/infra/keys/table"
	"qmslicensing/infra/local/dynamodb"
	"qmslicensing/infra/local/gate"
	"qmslicensing/infra/local/template"
	"qmslicensing/shared/dynamostore"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/s3archive"
)

// Principal is who an operator is to the permission gate.
const Principal = gate.Operator

// System is a local stack as an operator sees it.
type System struct {
	DynamoDBEndpoint string
	KMSEndpoint      string
	S3Endpoint       string
	Application      *template.Application
}

// Store returns the license and audit tables as a principal reaches them: Principal or a function's logical id.
func (s System) Store(principal string) *dynamostore.Store {
	return dynamostore.New(dynamodb.Client(s.DynamoDBEndpoint, gate.AccessKey(principal)), s.TableName("LicenseTable"), s.TableName("AuditTable"))
}

// KMS returns the KMS endpoint as a principal reaches it.
func (s System) KMS(principal string) *kms.Client {
	return kms.New(kms.Options{
		Region:       template.Region,
		BaseEndpoint: aws.String(s.KMSEndpoint),
		Credentials:  credentials.NewStaticCredentialsProvider(gate.AccessKey(principal), "local", ""),
	})
}

// S3 returns the S3 endpoint as a principal reaches it.
func (s System) S3(principal string) *s3.Client {
	return s3.New(s3.Options{
		Region:       template.Region,
		BaseEndpoint: aws.String(s.S3Endpoint),
		Credentials:  credentials.NewStaticCredentialsProvider(gate.AccessKey(principal), "local", ""),
	}, s3archive.PathStyle)
}

// Archive returns the archive of audit entries as a principal reaches it.
func (s System) Archive(principal string) *s3archive.Bucket {
	return s3archive.New(s.S3(principal), s.ArchiveName())
}

// ArchiveName is the name of the archive's bucket.
func (s System) ArchiveName() string {
	for _, b := range s.Application.Buckets {
		if b.LogicalID == "ArchiveBucket" {
			return b.Name
		}
	}
	panic("the template has no ArchiveBucket")
}

// TableName is the name of the table of a logical id.
func (s System) TableName(logicalID string) string {
	for _, t := range s.Application.Tables {
		if t.LogicalID == logicalID {
			return t.Name
		}
	}
	panic("the template has no table " + logicalID)
}

// FillKeys brings the key table to what the template's tags say of its keys, and returns what it wrote.
func (s System) FillKeys(ctx context.Context) ([]keyring.Entry, error) {
	var keys []table.Key
	for _, k := range s.Application.Keys {
		keys = append(keys, table.Key{Purpose: license.KeyPurpose(k.Purpose), State: keyring.State(k.State), ARN: k.ARN})
	}
	written, err := table.Fill(ctx, s.KMS(Principal), s.Store(Principal), keys, time.Now())
	if err != nil {
		return nil, fmt.Errorf("filling the key table: %w", err)
	}
	return written, nil
}
