// Package awsenv makes the AWS configuration and the settings of a function from its environment. A setting that is
// missing or malformed stops the start with a sentence that names it and says what it is for.
package awsenv

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"

	"qmslicensing/shared/license/policy"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Must returns a setting. help says what it is, for whoever reads the log of a function that does not start.
func Must(name, help string) string {
	value := os.Getenv(name)
	if value == "" {
		fail("%s is not set: %s", name, help)
	}
	return value
}

// MustInt returns a setting that is a whole number of at least 1.
func MustInt(name, help string) int {
	text := Must(name, help)
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		fail("%s is %q, not a whole number of at least 1: %s", name, text, help)
	}
	return n
}

// MustBool returns a setting that is true or false.
func MustBool(name, help string) bool {
	text := Must(name, help)
	if text != "true" && text != "false" {
		fail("%s is %q, not true or false: %s", name, text, help)
	}
	return text == "true"
}

// MustOriginSecrets returns what CloudFront may send in x-origin-secret: the values of ORIGIN_SECRET, one or, while it
// changes, two with a comma between, without the spaces around them. None when it is not set or empty: then nothing is
// demanded, and nobody comes to that by a slip, as any other text without a value stops the start.
func MustOriginSecrets() []string {
	text := os.Getenv("ORIGIN_SECRET")
	if text == "" {
		return nil
	}
	secrets := strings.Split(text, ",")
	for i, secret := range secrets {
		if secrets[i] = strings.TrimSpace(secret); secrets[i] == "" {
			fail("ORIGIN_SECRET is set, but value %d of %d is empty: what CloudFront sends in x-origin-secret, with a comma between two; leave it empty as a whole to demand nothing", i+1, len(secrets))
		}
	}
	return secrets
}

// MustCursorSecrets returns the values of ORIGIN_SECRET for a function that signs the cursors of its pages with keys derived
// from them. Without one the function does not start: anybody could make up cursors.
func MustCursorSecrets() []string {
	secrets := MustOriginSecrets()
	if len(secrets) == 0 {
		fail("ORIGIN_SECRET is not set: the cursors of pages are signed with a key that is derived from it. Deploy with the parameter OriginSecret; make deploy makes one")
	}
	return secrets
}

func fail(format string, args ...any) {
	slog.Error(fmt.Sprintf(format, args...))
	os.Exit(1)
}

// MustConfig is a function's first call: it makes the log JSON lines, as CloudWatch reads them best, and returns the AWS
// configuration: region and credentials from the environment, endpoints
// from AWS_ENDPOINT_URL_<SERVICE> where they are set. (config.LoadDefaultConfig does the same at a third of the start.)
func MustConfig() aws.Config {
	slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stderr, nil)))
	return aws.Config{
		Region: Must("AWS_REGION", "region of the tables and keys; Lambda sets it"),
		Credentials: aws.NewCredentialsCache(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{
				AccessKeyID:     os.Getenv("AWS_ACCESS_KEY_ID"),
				SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY"),
				SessionToken:    os.Getenv("AWS_SESSION_TOKEN"),
				Source:          "environment",
			}, nil
		})),
		ConfigSources: []any{endpoints{}},
	}
}

// endpoints is the one source that the services' clients ask for an endpoint of their own.
type endpoints struct{}

// GetServiceBaseEndpoint is the SDK's hook: id is such as "DynamoDB" or "KMS".
func (endpoints) GetServiceBaseEndpoint(_ context.Context, id string) (string, bool, error) {
	url := os.Getenv("AWS_ENDPOINT_URL_" + strings.ToUpper(strings.ReplaceAll(id, " ", "_")))
	return url, url != "", nil
}

// MustPolicy returns the configurable rules of issuing.
func MustPolicy() policy.Policy {
	return policy.Policy{
		TrialDays:           MustInt("TRIAL_DAYS", "the longest trial in days, and the default"),
		TroubleshootingDays: MustInt("TROUBLESHOOTING_DAYS", "the longest temporary license for troubleshooting in days, and the default"),
		EmergencyDays:       MustInt("EMERGENCY_DAYS", "the longest temporary license for an emergency in days, and the default"),
		Conditions:          MustConditions(),
		CorrectionDays:      MustInt("CORRECTION_DAYS", "how many days after its issue a license may be corrected"),

		TrialDaysInAll:       MustInt("TRIAL_DAYS_IN_ALL", "the most days that all trials of one customer on one server run together"),
		Temporaries:          MustInt("TEMPORARY_LICENSES", "the most temporary licenses of one server in TEMPORARY_WINDOW_DAYS"),
		TemporaryWindowDays:  MustInt("TEMPORARY_WINDOW_DAYS", "the days in which a server's temporary licenses are counted"),
		Rehosts:              MustInt("REHOSTS", "the most re-hosts of one lineage in REHOST_WINDOW_MONTHS"),
		RehostWindowMonths:   MustInt("REHOST_WINDOW_MONTHS", "the months in which a lineage's re-hosts are counted"),
		LicensesPerPersonDay: MustInt("LICENSES_PER_PERSON_DAY", "the most licenses that one person makes on one UTC day"),
	}
}

// MustConditions returns the names of the conditions of a sale.
func MustConditions() []string {
	return strings.Split(Must("CONDITIONS_OF_SALE", "names of the conditions that a permanent license needs, with commas between"), ",")
}
