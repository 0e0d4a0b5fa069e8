// Package kmssign signs licenses with AWS KMS: RAW messages, ECDSA_SHA_256 on P-256, one call a lease.
package kmssign

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/smithy-go"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/licensekey"
	"qmslicensing/shared/license/protocol"
)

// client is what is used of kms.Client.
type client interface {
	Sign(ctx context.Context, in *kms.SignInput, opts ...func(*kms.Options)) (*kms.SignOutput, error)
}

// Signer signs with the keys of certain purposes only.
type Signer struct {
	client   client
	purposes []license.KeyPurpose
}

var _ protocol.Signer = (*Signer)(nil)

// New returns a Signer for keys of the given purposes. What KMS lets it use is up to the key policies.
func New(client client, purposes ...license.KeyPurpose) *Signer { return &Signer{client, purposes} }

// refusals are KMS's errors that trying again does not mend.
var refusals = []string{
	"DisabledException", "AccessDeniedException", "NotFoundException", "KMSInvalidStateException",
	"InvalidKeyUsageException", "InvalidArnException",
}

// Sign implements protocol.Signer. The SDK's own retries are off: one KMS call a lease. A refusal is logged here, once for
// every function that signs: the domain goes on with other licenses, but an operator must mend the key.
func (s *Signer) Sign(ctx context.Context, p protocol.Prepared) (protocol.Signature, error) {
	key := p.Key()
	if !slices.Contains(s.purposes, key.Purpose) {
		return protocol.Signature{}, fmt.Errorf("signing with key %s: %w: this function signs with %v keys only", key.ID, protocol.ErrRefused, s.purposes)
	}
	out, err := s.client.Sign(ctx, &kms.SignInput{
		KeyId:            &key.ARN,
		Message:          p.SigningInput(),
		MessageType:      types.MessageTypeRaw,
		SigningAlgorithm: types.SigningAlgorithmSpecEcdsaSha256,
	}, func(o *kms.Options) { o.Retryer = aws.NopRetryer{} })
	if err != nil {
		var api smithy.APIError
		if errors.As(err, &api) && slices.Contains(refusals, api.ErrorCode()) {
			// The alarm kms-refused-to-sign counts this line (infra/stacks/alarms.yaml).
			slog.ErrorContext(ctx, "KMS refused to sign", "keyId", key.ID, "code", api.ErrorCode())
			return protocol.Signature{}, fmt.Errorf("signing with key %s: %w: %w", key.ID, protocol.ErrRefused, err)
		}
		return protocol.Signature{}, fmt.Errorf("signing with key %s: %w", key.ID, err)
	}
	signature, err := licensekey.SignatureFromDER(out.Signature)
	if err != nil {
		return protocol.Signature{}, fmt.Errorf("reading the signature of key %s: %w", key.ID, err)
	}
	if !licensekey.VerifySignature(key.Public, p.SigningInput(), signature[:]) {
		return protocol.Signature{}, fmt.Errorf("the signature of key %s does not verify with its public key in the key table", key.ID)
	}
	requestID, _ := middleware.GetRequestIDMetadata(out.ResultMetadata)
	return protocol.Signature{Bytes: signature, RequestID: requestID}, nil
}
