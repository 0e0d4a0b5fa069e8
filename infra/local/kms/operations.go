package kms

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"slices"
	"strings"
	"time"
)

const (
	spec      = "ECC_NIST_P256"
	keyUsage  = "SIGN_VERIFY"
	algorithm = "ECDSA_SHA_256" // the only one that goes with a P-256 key
)

// algorithms are those that KMS knows; one that does not go with the key is another error than one that does not exist.
func algorithms() []string {
	return []string{
		"RSASSA_PSS_SHA_256", "RSASSA_PSS_SHA_384", "RSASSA_PSS_SHA_512", "RSASSA_PKCS1_V1_5_SHA_256",
		"RSASSA_PKCS1_V1_5_SHA_384", "RSASSA_PKCS1_V1_5_SHA_512", "ECDSA_SHA_256", "ECDSA_SHA_384", "ECDSA_SHA_512",
		"ED25519_SHA_512", "ED25519_PH_SHA_512", "SM2DSA", "ML_DSA_SHAKE_256",
	}
}

type keyRequest struct {
	KeyID string `json:"KeyId"`
}

type signRequest struct {
	KeyID            string `json:"KeyId"`
	Message          []byte
	MessageType      string
	SigningAlgorithm string
	DryRun           bool
}

func (s *Server) sign(request signRequest) (any, error) {
	if err := request.validate(); err != nil {
		return nil, err
	}
	k, err := s.find(request.KeyID, true)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.usage[k.ID].calls++
	s.minutes[minuteOf(time.Now())]++
	armed := *s.usage[k.ID]
	s.mu.Unlock()
	time.Sleep(armed.delay)
	if armed.fail != "" {
		return nil, failf(armed.fail, "injected: %s", s.ARN(k.ID))
	}
	if k, err = s.find(request.KeyID, true); err != nil { // as it is after the delay
		return nil, err
	}
	if err := s.usable(k); err != nil {
		return nil, err
	}
	digest, err := request.digest()
	if err != nil {
		return nil, err
	}
	if request.DryRun {
		return nil, failf("DryRunOperationException", "The request would have succeeded, but the DryRun option is set.")
	}
	signature, err := ecdsa.SignASN1(rand.Reader, k.private, digest)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.usage[k.ID].signatures++
	s.mu.Unlock()
	return struct {
		KeyID            string `json:"KeyId"`
		Signature        []byte
		SigningAlgorithm string
	}{s.ARN(k.ID), signature, algorithm}, nil
}

// validate refuses what KMS refuses before it looks at the key.
func (r signRequest) validate() error {
	const detected = "1 validation error detected: Value "
	switch {
	case r.KeyID == "":
		return failf("ValidationException", detected+"null at 'keyId' failed to satisfy constraint: Member must not be null")
	case r.Message == nil:
		return failf("ValidationException", detected+"null at 'message' failed to satisfy constraint: Member must not be null")
	case len(r.Message) == 0:
		return failf("ValidationException", detected+"at 'message' failed to satisfy constraint: Member must have length greater than or equal to 1")
	case len(r.Message) > 4096:
		return failf("ValidationException", detected+"at 'message' failed to satisfy constraint: Member must have length less than or equal to 4096")
	case !slices.Contains([]string{"", "RAW", "DIGEST", "EXTERNAL_MU"}, r.MessageType):
		return failf("ValidationException", detected+"'%s' at 'messageType' failed to satisfy constraint: Member must satisfy enum value set: [RAW, DIGEST, EXTERNAL_MU]", r.MessageType)
	case r.SigningAlgorithm == "":
		return failf("ValidationException", detected+"null at 'signingAlgorithm' failed to satisfy constraint: Member must not be null")
	case !slices.Contains(algorithms(), r.SigningAlgorithm):
		return failf("ValidationException", detected+"'%s' at 'signingAlgorithm' failed to satisfy constraint: Member must satisfy enum value set: [%s]",
			r.SigningAlgorithm, strings.Join(algorithms(), ", "))
	}
	return nil
}

// digest gives what is signed, once the key is known to be a P-256 key.
func (r signRequest) digest() ([]byte, error) {
	switch {
	case r.SigningAlgorithm != algorithm:
		return nil, failf("InvalidKeyUsageException", "Algorithm %s is incompatible with key spec %s.", r.SigningAlgorithm, spec)
	case r.MessageType == "EXTERNAL_MU":
		return nil, failf("ValidationException", "Message type EXTERNAL_MU is incompatible with key spec %s.", spec)
	case r.MessageType == "DIGEST" && len(r.Message) != sha256.Size:
		return nil, failf("ValidationException", "Digest is invalid length for algorithm %s.", algorithm)
	case r.MessageType == "DIGEST":
		return r.Message, nil
	}
	sum := sha256.Sum256(r.Message)
	return sum[:], nil
}

type createRequest struct {
	Description           string
	KeySpec               string
	CustomerMasterKeySpec string
	KeyUsage              string
	Policy                string
	Tags                  []struct{ TagKey, TagValue string }
}

func (s *Server) createKey(request createRequest) (any, error) {
	wanted := request.KeySpec
	if wanted == "" {
		wanted = request.CustomerMasterKeySpec
	}
	switch {
	case wanted != spec:
		return nil, failf("UnsupportedOperationException", "KeySpec %q: this endpoint makes %s keys only", wanted, spec)
	case request.KeyUsage == "":
		return nil, failf("ValidationException", "You must specify a KeyUsage value for an asymmetric CMK.")
	case request.KeyUsage != keyUsage:
		return nil, failf("UnsupportedOperationException", "KeyUsage %q: this endpoint makes %s keys only", request.KeyUsage, keyUsage)
	case request.Policy != "":
		return nil, failf("UnsupportedOperationException", "Policy: key policies stand in the template")
	}
	made, err := newKey(NewID())
	if err != nil {
		return nil, err
	}
	made.Description, made.Tags = request.Description, map[string]string{}
	for _, tag := range request.Tags {
		made.Tags[tag.TagKey] = tag.TagValue
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := made.write(s.dir); err != nil {
		return nil, err
	}
	s.add(made)
	return s.metadata(made), nil
}

func (s *Server) describeKey(request keyRequest) (any, error) {
	k, err := s.find(request.KeyID, true)
	if err != nil {
		return nil, err
	}
	return s.metadata(k), nil
}

func (s *Server) metadata(k *key) any {
	metadata := map[string]any{
		"AWSAccountId": s.account, "KeyId": k.ID, "Arn": s.ARN(k.ID), "CreationDate": seconds(k.Created),
		"Enabled": k.State == enabled, "Description": k.Description, "KeyUsage": keyUsage, "KeyState": k.State,
		"Origin": "AWS_KMS", "KeyManager": "CUSTOMER", "CustomerMasterKeySpec": spec, "KeySpec": spec,
		"SigningAlgorithms": []string{algorithm}, "MultiRegion": false,
	}
	if k.DeletionDate != nil {
		metadata["DeletionDate"] = seconds(*k.DeletionDate)
	}
	return map[string]any{"KeyMetadata": metadata}
}

func (s *Server) getPublicKey(request keyRequest) (any, error) {
	k, err := s.find(request.KeyID, true)
	if err != nil {
		return nil, err
	}
	if err := s.usable(k); err != nil {
		return nil, err
	}
	return map[string]any{
		"KeyId": s.ARN(k.ID), "PublicKey": k.public, "CustomerMasterKeySpec": spec, "KeySpec": spec, "KeyUsage": keyUsage,
		"SigningAlgorithms": []string{algorithm},
	}, nil
}

// seconds is an instant as AWS JSON writes it.
func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
