package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"qmslicensing/infra/local/demo"
	"qmslicensing/infra/local/operator"
	"qmslicensing/infra/local/stack"
	"qmslicensing/shared/kmssign"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/keyring"
)

// demoPrincipal issues the demo licenses: the one function that may use the keys of both purposes.
const demoPrincipal = "SweepFunction"

// prepare fills what a new system needs before its first request: the key table and the demo data.
func prepare(ctx context.Context, s *stack.Stack) error {
	system := operator.System{DynamoDBEndpoint: s.DynamoDBEndpoint, KMSEndpoint: s.KMSEndpoint, Application: s.Application}
	if _, err := system.FillKeys(ctx); err != nil {
		return err
	}
	store := system.Store(demoPrincipal)
	signer := kmssign.New(system.KMS(demoPrincipal), license.TemporaryKey, license.SoldKey)
	made, err := demo.Seed(ctx, store, signer, keyring.New(store, time.Now), time.Now())
	if err != nil {
		return err
	}
	if made > 0 {
		fmt.Fprintf(os.Stdout, "made %d demo licenses\n", made)
	}
	return nil
}
