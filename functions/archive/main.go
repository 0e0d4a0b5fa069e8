// Command archive is the function that the audit table's stream triggers: it copies every audit entry to a bucket where
// nobody can change it, and says so when something else than adding happens to one.
package main

import (
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"qmslicensing/shared/archive"
	"qmslicensing/shared/awsenv"
	"qmslicensing/shared/lambdastream"
	"qmslicensing/shared/s3archive"
)

func main() {
	bucket := s3archive.New(s3.NewFromConfig(awsenv.MustConfig(), s3archive.PathStyle),
		awsenv.Must("ARCHIVE_BUCKET", "S3 bucket of archived audit entries"))
	lambda.Start(lambdastream.Handler(archive.NewArchiver(bucket).Archive))
}
