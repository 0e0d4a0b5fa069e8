// Command restore takes restored tables into use, as an operator with access to them; infra/RUNBOOK.md has the steps.
//
//	restore export -table TABLE > FILE                 items, one a line, as AWS's own exports to S3 have them
//	restore import -table TABLE [-made-by-aws] < FILE  into a new, empty table
//	restore replay -licenses TABLE -audit TABLE -archive BUCKET
//	                                                   puts back what the archive knows beyond the restored chains, and
//	                                                   names each license that was acknowledged and is lost
//	restore check -licenses TABLE -audit TABLE [-lost FILE]
//	                                                   every chain whole, every license what its chain says, every license
//	                                                   key verifies; FILE is what replay printed
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"qmslicensing/infra/restore/recovery"
	"qmslicensing/shared/archive"
	"qmslicensing/shared/dynamostore"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/s3archive"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "restore:", err)
		os.Exit(1)
	}
}

// named are the flags of all commands.
type named struct {
	table, archive, lost string
	madeByAWS            bool
	recovery.Names
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New("say what to do: restore export | import | replay | check")
	}
	var n named
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.StringVar(&n.table, "table", "", "table to export or to import into")
	flags.StringVar(&n.Licenses, "licenses", "", "table of licenses, output LicenseTableName")
	flags.StringVar(&n.Audit, "audit", "", "table of audit entries, output AuditTableName")
	flags.StringVar(&n.archive, "archive", "", "bucket of archived audit entries, output ArchiveBucketName")
	flags.StringVar(&n.lost, "lost", "", "file of what replay printed: licenses that are known to be missing")
	flags.BoolVar(&n.madeByAWS, "made-by-aws", false, "the file is of an export of AWS, which does not end with a count")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	commands := map[string]struct {
		needs []string
		flags string
		run   func(context.Context, aws.Config, named) error
	}{
		"export": {[]string{n.table}, "-table", export},
		"import": {[]string{n.table}, "-table", importInto},
		"replay": {[]string{n.Licenses, n.Audit, n.archive}, "-licenses, -audit and -archive", replay},
		"check":  {[]string{n.Licenses, n.Audit}, "-licenses and -audit", check},
	}
	command, known := commands[args[0]]
	if !known {
		return fmt.Errorf("there is no %q: say export, import, replay or check", args[0])
	}
	for _, value := range command.needs {
		if value == "" {
			return fmt.Errorf("%s needs %s", args[0], command.flags)
		}
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return fmt.Errorf("reading the AWS configuration of this machine: %w", err)
	}
	return command.run(ctx, cfg, n)
}

func export(ctx context.Context, cfg aws.Config, n named) error {
	count, err := recovery.Export(ctx, dynamodb.NewFromConfig(cfg), n.table, os.Stdout)
	fmt.Fprintf(os.Stderr, "%d items exported from %s\n", count, n.table)
	return err
}

func importInto(ctx context.Context, cfg aws.Config, n named) error {
	put, same, err := recovery.Import(ctx, dynamodb.NewFromConfig(cfg), n.table, os.Stdin, n.madeByAWS)
	fmt.Fprintf(os.Stderr, "%d items put into %s, %d were there already\n", put, n.table, same)
	return err
}

func replay(ctx context.Context, cfg aws.Config, n named) error {
	store := dynamostore.New(dynamodb.NewFromConfig(cfg), n.Licenses, n.Audit)
	bucket := s3archive.New(s3.NewFromConfig(cfg, s3archive.PathStyle), n.archive)
	done, err := recovery.Replay(ctx, dynamodb.NewFromConfig(cfg), n.Names, store, archive.Entries(ctx, bucket, archive.All), func(l recovery.Later) {
		if l.Now != recovery.Nothing {
			fmt.Println(l)
		}
	})
	for _, wrong := range done.Wrong {
		fmt.Fprintln(os.Stderr, wrong)
	}
	fmt.Fprintf(os.Stderr, "%d entries are the same in tables and archive, %d were put back, with %d versions of documents; %d findings\n", done.Confirmed, done.PutBack, done.Documents, len(done.Wrong))
	if err == nil && len(done.Wrong) > 0 {
		err = errors.New("tables and archive contradict each other: let no license be issued for the servers above before that is explained")
	}
	return err
}

// lostID finds the ids in what replay prints, also of licenses that are not to be issued again.
var lostID = regexp.MustCompile(`license ([0-9a-f]{32}) .*: is lost`)

func readLost(file string) (map[string]bool, error) {
	lost := map[string]bool{}
	if file == "" {
		return lost, nil
	}
	text, err := os.ReadFile(file)
	for _, found := range lostID.FindAllSubmatch(text, -1) {
		lost[string(found[1])] = true
	}
	return lost, err
}

func check(ctx context.Context, cfg aws.Config, n named) error {
	tables := dynamodb.NewFromConfig(cfg)
	store := dynamostore.New(tables, n.Licenses, n.Audit)
	lost, err := readLost(n.lost)
	if err != nil {
		return fmt.Errorf("reading the list of lost licenses: %w", err)
	}
	report, err := recovery.Check(ctx, tables, n.Names, store, keyring.New(store, time.Now).Lookup(ctx), lost)
	if err != nil {
		return err
	}
	for _, wrong := range report.Wrong {
		fmt.Println(wrong)
	}
	fmt.Printf("%d servers, %d audit entries, %d licenses, %d requests and exceptions, %d license keys verify, %d findings\n",
		report.Servers, report.Entries, report.Licenses, report.Documents, report.Verified, len(report.Wrong))
	if len(report.Wrong) > 0 {
		return errors.New("the tables are not whole: see infra/RUNBOOK.md, Restore the tables, step 5")
	}
	return nil
}
