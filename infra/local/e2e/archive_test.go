package e2e_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	local "qmslicensing/infra/local/dynamodb"
	"qmslicensing/infra/local/gate"
	"qmslicensing/infra/local/grants"
	"qmslicensing/shared/archive"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
)

// archivedWithin bounds how long the archive may lag behind.
const archivedWithin = 20 * time.Second

// auditTable reads and changes the audit table as the operator does, past every function.
type auditTable struct {
	*dynamodb.Client
	name string
}

func (s *system) audit() auditTable {
	for _, table := range s.Stack.Application.Tables {
		if table.LogicalID == "AuditTable" {
			return auditTable{local.Client(s.Stack.DynamoDBEndpoint, gate.AccessKey(gate.Operator)), table.Name}
		}
	}
	panic("the template has no AuditTable")
}

// entries are those of a server, as the table has them.
func (a auditTable) entries(t *testing.T, token string) []ledger.AuditEntry {
	t.Helper()
	out, err := a.Query(t.Context(), &dynamodb.QueryInput{
		TableName: &a.name, ConsistentRead: aws.Bool(true), KeyConditionExpression: aws.String("pk = :token"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":token": &types.AttributeValueMemberS{Value: token}},
	})
	require.NoError(t, err)
	text := func(item map[string]types.AttributeValue, name string) string {
		return item[name].(*types.AttributeValueMemberS).Value
	}
	var entries []ledger.AuditEntry
	for i, item := range out.Items {
		entries = append(entries, ledger.AuditEntry{
			ServerToken: license.ServerToken(token), Number: i + 1, LicenseID: text(item, "licenseId"), Text: []byte(text(item, "entry")), Hash: text(item, "hash"),
		})
	}
	return entries
}

func (s *system) archived(t *testing.T, token string) []ledger.AuditEntry {
	t.Helper()
	var entries []ledger.AuditEntry
	for e, err := range archive.Entries(t.Context(), s.Archive(gate.Operator), archive.Folder(license.ServerToken(token))) {
		require.NoError(t, err)
		entries = append(entries, e)
	}
	return entries
}

// await asks again and again, in the test's own goroutine, until done. If that never comes, it tells what functions were
// refused: a function that may not write is what else one would see here.
func (s *system) await(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(archivedWithin); !done(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			s.logDenials(t, what+" never came")
			require.FailNow(t, what+" never came", "within %v", archivedWithin)
		}
	}
}

// awaitArchived waits until the archive has as many entries of a server as its audit table.
func (s *system) awaitArchived(t *testing.T, token string) []ledger.AuditEntry {
	t.Helper()
	wanted := s.audit().entries(t, token)
	require.NotEmpty(t, wanted)
	s.await(t, fmt.Sprintf("%d archived entries", len(wanted)), func() bool { return len(s.archived(t, token)) >= len(wanted) })
	return wanted
}

// evidence is what lies below changed/ for a server, oldest number first.
func (s *system) evidence(t *testing.T, token string) []string {
	t.Helper()
	prefix := strings.Replace(archive.Folder(license.ServerToken(token)), archive.All, "changed/", 1)
	var found []string
	for name, err := range s.Archive(gate.Operator).List(t.Context(), prefix) {
		require.NoError(t, err)
		body, err := s.Archive(gate.Operator).Get(t.Context(), name)
		require.NoError(t, err)
		found = append(found, string(body))
	}
	return found
}

// alarms counts the log's lines that the alarm reads, for one server.
func (s *system) alarms(token string) int {
	count := 0
	server := strings.Trim(strings.TrimPrefix(archive.Folder(license.ServerToken(token)), archive.All), "/")
	for line := range strings.Lines(s.log.String()) {
		if strings.Contains(line, `"msg":"audit entry changed"`) && strings.Contains(line, `"level":"ERROR"`) && strings.Contains(line, server) {
			count++
		}
	}
	return count
}

func TestArchive_EveryAuditEntryIsThereToTheByte(t *testing.T) {
	s, token := shared, fresh("QMSA-ARCHIVE")
	issued := s.issue(t, subscription(token))
	renewed := s.send(t, renewal(t, issued, fresh("key")))
	require.Equal(t, 201, renewed.status, string(renewed.body))
	wanted := s.awaitArchived(t, token)
	require.Len(t, wanted, 4, "intent and issued, twice")
	require.Equal(t, wanted, s.archived(t, token))
	require.Empty(t, s.evidence(t, token))
	require.Zero(t, s.alarms(token))
}

func TestArchive_WhatHappensToAnEntryIsKeptAndSaidAloud(t *testing.T) {
	s, token := shared, fresh(tampered)
	s.issue(t, subscription(token))
	wanted := s.awaitArchived(t, token)
	table := s.audit()
	key := func(number string) map[string]types.AttributeValue {
		return map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: token}, "sk": &types.AttributeValueMemberN{Value: number}}
	}
	_, err := table.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: &table.name, Key: key("1"), UpdateExpression: aws.String("SET entry = :forged"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":forged": &types.AttributeValueMemberS{Value: `{"forged":true}`}},
	})
	require.NoError(t, err)
	_, err = table.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &table.name, Key: key("2")})
	require.NoError(t, err)
	put := key("2")
	put["entry"] = &types.AttributeValueMemberS{Value: `{"forged":"anew"}`}
	_, err = table.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &table.name, Item: put})
	require.NoError(t, err)

	s.await(t, "evidence and alarm of three changes", func() bool { return len(s.evidence(t, token)) == 3 && s.alarms(token) == 3 })
	found := strings.Join(s.evidence(t, token), "\n")
	for _, part := range []string{`"how":"modified"`, `{\"forged\":true}`, `"how":"removed"`, `"after":null`, `"how":"is none: `, `{\"forged\":\"anew\"}`} {
		require.Contains(t, found, part)
	}
	for _, entry := range wanted {
		text, err := json.Marshal(string(entry.Text))
		require.NoError(t, err)
		require.Contains(t, found, string(text), "what was there before")
	}
	require.Equal(t, wanted, s.archived(t, token), "the archive has what was there")
	for line := range strings.Lines(s.log.String()) {
		if strings.HasPrefix(line, "archive: ") {
			require.NotContains(t, line, token, "no Server Token in a log")
		}
	}
}

func TestArchive_TheSameRecordAgainChangesNothing(t *testing.T) {
	s, token := shared, fresh("QMSA-AGAIN")
	s.issue(t, subscription(token))
	wanted := s.awaitArchived(t, token)
	image := func(e ledger.AuditEntry) map[string]any {
		return map[string]any{
			"pk": map[string]string{"S": token}, "sk": map[string]string{"N": "1"}, "licenseId": map[string]string{"S": e.LicenseID},
			"entry": map[string]string{"S": string(e.Text)}, "hash": map[string]string{"S": e.Hash},
		}
	}
	invoke := func(id string, e ledger.AuditEntry) {
		event, err := json.Marshal(map[string]any{"Records": []any{map[string]any{
			"eventID": id, "eventName": "INSERT", "dynamodb": map[string]any{"SequenceNumber": "1", "NewImage": image(e)},
		}}})
		require.NoError(t, err)
		answer, err := s.Functions.Invoke(t.Context(), "ArchiveFunction", event)
		require.NoError(t, err)
		require.JSONEq(t, `{"batchItemFailures":[]}`, string(answer))
	}
	invoke("again", wanted[0])
	require.Empty(t, s.evidence(t, token))
	require.Zero(t, s.alarms(token))

	other := wanted[0] // a whole entry that follows its own hash, but not the one that was archived
	other.Text = bytes.Replace(other.Text, []byte(`"event":"intent"`), []byte(`"event":"voided"`), 1)
	other.Hash = hashOf(other.Text)
	invoke("other", other)
	s.await(t, "the alarm", func() bool { return s.alarms(token) == 1 })
	require.Len(t, s.evidence(t, token), 1)
	require.Contains(t, s.evidence(t, token)[0], "added again, with other content")
	require.Equal(t, wanted, s.archived(t, token))
}

func TestArchive_WhatS3RefusesIsRepeatedUntilItTakesIt(t *testing.T) {
	s, token := shared, fresh("QMSA-REFUSED")
	const refusals = 2
	refused := strings.Count(s.log.String(), `"msg":"stream record failed"`)
	require.NoError(t, s.Gate.Arm(gate.Arming{Function: "ArchiveFunction", Action: "s3:PutObject", When: "before", Do: "error:AccessDenied", Times: refusals}))
	t.Cleanup(s.Gate.Disarm)
	s.issue(t, subscription(token))
	wanted := s.awaitArchived(t, token)
	require.Equal(t, wanted, s.archived(t, token))
	require.Equal(t, refused+refusals, strings.Count(s.log.String(), `"msg":"stream record failed"`))
	require.Empty(t, s.evidence(t, token))
	for _, reader := range s.Streams {
		require.Empty(t, reader.Letters())
	}
}

// attempts are what somebody may try on the archive and an object that is there.
func attempts(bucket, there string) (put func(bool) attempt, get attempt, remove func(version *string) attempt, list attempt) {
	put = func(onlyIfAbsent bool) attempt {
		return func(c *s3.Client) error {
			in := &s3.PutObjectInput{
				Bucket: &bucket, Key: aws.String("tried/" + fresh("put")), Body: strings.NewReader("hello"),
				ChecksumSHA256: aws.String("LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="),
			}
			if onlyIfAbsent {
				in.IfNoneMatch = aws.String("*")
			}
			_, err := c.PutObject(context.Background(), in)
			return err
		}
	}
	get = func(c *s3.Client) error {
		out, err := c.GetObject(context.Background(), &s3.GetObjectInput{Bucket: &bucket, Key: &there})
		if err == nil {
			_, err = io.Copy(io.Discard, out.Body)
		}
		return err
	}
	remove = func(version *string) attempt {
		return func(c *s3.Client) error {
			_, err := c.DeleteObject(context.Background(), &s3.DeleteObjectInput{Bucket: &bucket, Key: &there, VersionId: version})
			return err
		}
	}
	list = func(c *s3.Client) error {
		_, err := c.ListObjectsV2(context.Background(), &s3.ListObjectsV2Input{Bucket: &bucket})
		return err
	}
	return put, get, remove, list
}

type attempt func(*s3.Client) error

func TestArchive_ItsFunctionWritesAndNothingMoreAndNobodyElseWrites(t *testing.T) {
	s, token := shared, fresh("QMSA-RIGHTS")
	s.issue(t, subscription(token))
	s.awaitArchived(t, token)
	put, get, remove, list := attempts(s.ArchiveName(), archive.Name(license.ServerToken(token), 1))
	for _, row := range []struct {
		who, what string
		do        attempt
		allowed   bool
	}{
		{"ArchiveFunction", "creates", put(true), true},
		{"ArchiveFunction", "puts over what is there", put(false), false},
		{"ArchiveFunction", "reads", get, false},
		{"ArchiveFunction", "deletes", remove(nil), false},
		{"ArchiveFunction", "deletes a version", remove(aws.String("1")), false},
		{gate.Operator, "reads", get, true},
		{gate.Operator, "lists", list, true},
		{gate.Operator, "creates", put(true), false},
		{gate.Operator, "deletes", remove(nil), false},
		{gate.Operator, "deletes a version", remove(aws.String("1")), false},
		{"IssueFunction", "creates", put(true), false},
		{"IssueFunction", "reads", get, false},
		{"IssueFunction", "lists", list, false},
		{"SweepFunction", "creates", put(true), false},
	} {
		t.Run(row.who+" "+row.what, func(t *testing.T) {
			err := row.do(s.S3(row.who))
			if row.allowed {
				require.NoError(t, err)
				return
			}
			var api smithy.APIError
			require.ErrorAs(t, err, &api)
			require.Equal(t, "AccessDenied", api.ErrorCode())
		})
	}
	used := s.Gate.Book().Uses()
	for _, grant := range []grants.Grant{
		{Function: "ArchiveFunction", Policy: grants.Identity, Sid: "WriteArchive", Action: "s3:PutObject"},
		{Function: "ArchiveFunction", Policy: grants.Identity, Sid: "ReadAuditStream", Action: "dynamodb:GetRecords"},
		{Function: "ArchiveFunction", Policy: "ArchiveBucket", Sid: "NothingTwice", Action: "s3:PutObject"},
		{Function: gate.Operator, Policy: "ArchiveBucket", Sid: "OnlyArchiveWrites", Action: "s3:PutObject"},
		{Function: gate.Operator, Policy: "ArchiveBucket", Sid: "NothingGoes", Action: "s3:DeleteObject"},
	} {
		require.NotZero(t, used[grant], grant)
	}
}

func hashOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
