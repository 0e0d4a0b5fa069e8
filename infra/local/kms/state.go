package kms

import (
	"strings"
	"time"
)

// find resolves a key id, key ARN and, where the operation takes them, alias or alias ARN.
func (s *Server) find(name string, aliases bool) (*key, error) {
	if name == "" {
		return nil, failf("ValidationException", "1 validation error detected: Value null at 'keyId' failed to satisfy constraint: Member must not be null")
	}
	resource, id := name, name
	if strings.HasPrefix(name, "arn:") {
		var ours, isKey bool
		resource, ours = strings.CutPrefix(name, "arn:aws:kms:"+s.region+":"+s.account+":")
		id, isKey = strings.CutPrefix(resource, "key/")
		if !ours || !isKey && !strings.HasPrefix(resource, "alias/") {
			return nil, failf("NotFoundException", "Invalid arn %s", name)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if strings.HasPrefix(resource, "alias/") {
		if !aliases {
			return nil, failf("NotFoundException", "Invalid keyId '%s'", name)
		}
		var known bool
		if id, known = s.aliases[resource]; !known {
			return nil, failf("NotFoundException", "Alias arn:aws:kms:%s:%s:%s is not found.", s.region, s.account, resource)
		}
	}
	k, ok := s.keys[id]
	if !ok {
		return nil, failf("NotFoundException", "Key '%s' does not exist", s.ARN(id))
	}
	return k, nil
}

// usable refuses a key that may not be used, as KMS does.
func (s *Server) usable(k *key) error {
	switch k.State {
	case disabled:
		return failf("DisabledException", "%s is disabled.", s.ARN(k.ID))
	case pendingDeletion:
		return failf("KMSInvalidStateException", "%s is pending deletion.", s.ARN(k.ID))
	}
	return nil
}

func (s *Server) enableKey(request keyRequest) (any, error) {
	_, err := s.change(request.KeyID, pendingDeletion, func(k *key) { k.State = enabled })
	return nil, err
}

func (s *Server) disableKey(request keyRequest) (any, error) {
	_, err := s.change(request.KeyID, pendingDeletion, func(k *key) { k.State = disabled })
	return nil, err
}

type scheduleRequest struct {
	KeyID               string `json:"KeyId"`
	PendingWindowInDays *int
}

func (s *Server) scheduleKeyDeletion(request scheduleRequest) (any, error) {
	days := 30
	if request.PendingWindowInDays != nil {
		days = *request.PendingWindowInDays
	}
	if days < 7 || days > 30 {
		return nil, failf("ValidationException", "PendingWindowInDays must be between 7 and 30")
	}
	date := time.Now().UTC().AddDate(0, 0, days).Truncate(time.Second)
	k, err := s.change(request.KeyID, pendingDeletion, func(k *key) { k.State, k.DeletionDate = pendingDeletion, &date })
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"KeyId": s.ARN(k.ID), "DeletionDate": seconds(date), "KeyState": k.State, "PendingWindowInDays": days,
	}, nil
}

// cancelKeyDeletion leaves the key disabled, as KMS does.
func (s *Server) cancelKeyDeletion(request keyRequest) (any, error) {
	k, err := s.find(request.KeyID, false)
	if err != nil {
		return nil, err
	}
	if k.State != pendingDeletion {
		return nil, failf("KMSInvalidStateException", "%s is not pending deletion.", s.ARN(k.ID))
	}
	k, err = s.change(request.KeyID, "", func(k *key) { k.State, k.DeletionDate = disabled, nil })
	if err != nil {
		return nil, err
	}
	return map[string]any{"KeyId": s.ARN(k.ID)}, nil
}

// change stores a changed copy of a key, unless the key is in the state that forbids it.
func (s *Server) change(name, forbidden string, edit func(*key)) (*key, error) {
	k, err := s.find(name, false)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	changed := *s.keys[k.ID]
	if changed.State == forbidden {
		return nil, failf("KMSInvalidStateException", "%s is pending deletion.", s.ARN(k.ID))
	}
	edit(&changed)
	if err := changed.write(s.dir); err != nil {
		return nil, err
	}
	s.keys[k.ID] = &changed
	return &changed, nil
}
