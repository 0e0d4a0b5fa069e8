package template

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

func (l *loader) loadBucket(id string, node *yaml.Node, path string) error {
	o, err := l.object(node, path, "ObjectLockEnabled", "ObjectLockConfiguration", "VersioningConfiguration", "BucketEncryption",
		"PublicAccessBlockConfiguration", "OwnershipControls", "LifecycleConfiguration")
	if err != nil {
		return err
	}
	bucket := Bucket{LogicalID: id, Name: bucketName(id)}
	bucket.Versioned = o.has("VersioningConfiguration") && o.child("VersioningConfiguration", "Status").text("Status") == "Enabled"
	if lock := o.child("ObjectLockConfiguration", "ObjectLockEnabled", "Rule"); o.flag("ObjectLockEnabled") && lock.has("Rule") {
		retention := lock.child("Rule", "DefaultRetention").child("DefaultRetention", "Mode", "Days")
		bucket.RetentionMode, bucket.RetentionDays = retention.text("Mode"), retention.integer("Days")
	}
	for i, rule := range o.child("BucketEncryption", "ServerSideEncryptionConfiguration").list("ServerSideEncryptionConfiguration") {
		by := o.at(fmt.Sprintf("BucketEncryption[%d]", i), rule, "ServerSideEncryptionByDefault")
		bucket.Encryption = by.child("ServerSideEncryptionByDefault", "SSEAlgorithm").text("SSEAlgorithm")
	}
	blocks := []string{"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"}
	access := o.child("PublicAccessBlockConfiguration", blocks...)
	bucket.Private = !slices.ContainsFunc(blocks, func(block string) bool { return !access.flag(block) })
	for i, rule := range o.child("OwnershipControls", "Rules").list("Rules") {
		owner := o.at(fmt.Sprintf("OwnershipControls.Rules[%d]", i), rule, "ObjectOwnership").text("ObjectOwnership")
		bucket.Private = bucket.Private && owner == "BucketOwnerEnforced"
	}
	for i, rule := range o.child("LifecycleConfiguration", "Rules").list("Rules") { // nothing that would end or move an object
		o.at(fmt.Sprintf("LifecycleConfiguration.Rules[%d]", i), rule, "Id", "Status", "AbortIncompleteMultipartUpload")
	}
	l.app.Buckets = append(l.app.Buckets, bucket)
	return *o.err
}

func (l *loader) loadQueue(id string, node *yaml.Node, path string) error {
	o, err := l.object(node, path, "SqsManagedSseEnabled", "MessageRetentionPeriod")
	if err != nil {
		return err
	}
	l.app.Queues = append(l.app.Queues, Queue{LogicalID: id, ARN: queueARN(id), Encrypted: o.flag("SqsManagedSseEnabled")})
	return *o.err
}

// loadResourcePolicy keeps the policy of a bucket or of queues until all of them are known.
func (l *loader) loadResourcePolicy(node *yaml.Node, path string) error {
	o, err := l.object(node, path, "Bucket", "Queues", "PolicyDocument")
	if err != nil {
		return err
	}
	read := statements(o.child("PolicyDocument", "Version", "Statement"), denials)
	for _, target := range slices.Concat(o.texts("Bucket"), o.texts("Queues")) {
		if l.policies[target] != nil {
			o.fail("", "%s has another policy already", target)
		}
		l.policies[target] = read
	}
	return *o.err
}

func (l *loader) attachPolicies() error {
	for i, bucket := range l.app.Buckets {
		l.app.Buckets[i].Policy = l.policies[bucket.Name]
		delete(l.policies, bucket.Name)
	}
	for i, queue := range l.app.Queues {
		address, err := l.ref(queue.LogicalID, "Resources."+queue.LogicalID)
		if err != nil {
			return err
		}
		l.app.Queues[i].Policy = l.policies[address]
		delete(l.policies, address)
	}
	for target := range l.policies {
		return fmt.Errorf("a policy names %q, which is neither bucket nor queue of this template", target)
	}
	return nil
}

func (l *loader) loadSource(id string, node *yaml.Node, path string) error {
	o, err := l.object(node, path, "EventSourceArn", "FunctionName", "StartingPosition", "BatchSize", "BisectBatchOnFunctionError",
		"FunctionResponseTypes", "MaximumRetryAttempts", "MaximumRecordAgeInSeconds", "DestinationConfig")
	if err != nil {
		return err
	}
	source := Source{
		LogicalID: id, Function: o.text("FunctionName"), Batch: o.integer("BatchSize"), Bisect: o.flag("BisectBatchOnFunctionError"),
		Partial: slices.Contains(o.texts("FunctionResponseTypes"), "ReportBatchItemFailures"), MaxRetries: o.integer("MaximumRetryAttempts"),
		MaxAge: time.Duration(o.integer("MaximumRecordAgeInSeconds")) * time.Second,
	}
	if l.resources[source.Function].Type != typeFunction {
		o.fail("FunctionName", "%q is no function", source.Function)
	}
	if from := o.text("StartingPosition"); from != "TRIM_HORIZON" {
		o.fail("StartingPosition", "%q is not understood here: an entry could come before it", from)
	}
	for table, r := range l.resources {
		if r.Type == typeTable && StreamARN(table) == o.text("EventSourceArn") {
			source.Table = table
		}
	}
	if source.Table == "" {
		o.fail("EventSourceArn", "%q is no stream of a table", o.text("EventSourceArn"))
	}
	to := o.child("DestinationConfig", "OnFailure").child("OnFailure", "Destination").text("Destination")
	source.DeadLetterTo = to[strings.LastIndex(to, ":")+1:]
	if l.resources[source.DeadLetterTo].Type != typeQueue {
		o.fail("DestinationConfig", "%q is no queue", to)
	}
	l.app.Sources = append(l.app.Sources, source)
	return *o.err
}

// hasStream reports whether a table has a stream.
func hasStream(table resource) bool {
	members, err := fields(table.Properties, "")
	return err == nil && members["StreamSpecification"] != nil
}
