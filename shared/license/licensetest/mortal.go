package licensetest

import (
	"context"
	"errors"
	"sync"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/desk"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/protocol"
)

// ErrDead is what a dead process gets of everything.
var ErrDead = errors.New("the process is dead")

// Mortal is a process that dies at its n-th step, before the step takes effect or after it with the reply lost. Every
// method of its store and every signature is a step. It embeds nothing, so that a method that a store gets later must be
// written here, too.
type Mortal struct {
	Store  desk.Store
	Signer protocol.Signer
	DieAt  int // 1 is the first step; 0: it lives
	After  bool

	mu    sync.Mutex
	steps int
	dead  bool
	at    string
}

var (
	_ desk.Store      = (*Mortal)(nil)
	_ protocol.Signer = (*Mortal)(nil)
)

// Dead reports whether the process died.
func (m *Mortal) Dead() bool { return m.DiedAt() != "" }

// DiedAt is the method that the process died at; "" while it lives.
func (m *Mortal) DiedAt() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.at
}

// dies counts a step: whether it does anything, and whether its reply is lost.
func (m *Mortal) dies(method string) (does, lost bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dead {
		return false, true
	}
	if m.steps++; m.steps != m.DieAt {
		return true, false
	}
	m.dead, m.at = true, method
	return m.After, true
}

// step runs one step of a process unless it is dead.
func step[T any](m *Mortal, method string, do func() (T, error)) (reply T, err error) {
	does, lost := m.dies(method)
	if does {
		reply, err = do()
	}
	if lost {
		var none T
		return none, ErrDead
	}
	return reply, err
}

// found is the reply of a read that may find nothing.
type found[T any] struct {
	what  T
	there bool
}

func search[T any](m *Mortal, method string, do func() (T, bool, error)) (T, bool, error) {
	f, err := step(m, method, func() (found[T], error) {
		what, there, err := do()
		return found[T]{what, there}, err
	})
	return f.what, f.there, err
}

// Server implements ledger.Reader.
func (m *Mortal) Server(ctx context.Context, token license.ServerToken) (ledger.Server, error) {
	return step(m, "Server", func() (ledger.Server, error) { return m.Store.Server(ctx, token) })
}

// Record implements ledger.Reader.
func (m *Mortal) Record(ctx context.Context, id string) (ledger.Record, error) {
	return step(m, "Record", func() (ledger.Record, error) { return m.Store.Record(ctx, id) })
}

// Idempotency implements ledger.Reader.
func (m *Mortal) Idempotency(ctx context.Context, key string) (ledger.IdempotencyRecord, bool, error) {
	return search(m, "Idempotency", func() (ledger.IdempotencyRecord, bool, error) { return m.Store.Idempotency(ctx, key) })
}

// Document implements ledger.Reader.
func (m *Mortal) Document(ctx context.Context, kind, id string) (ledger.Document, bool, error) {
	return search(m, "Document", func() (ledger.Document, bool, error) { return m.Store.Document(ctx, kind, id) })
}

// Count implements ledger.Reader.
func (m *Mortal) Count(ctx context.Context, key string) (int, error) {
	return step(m, "Count", func() (int, error) { return m.Store.Count(ctx, key) })
}

// Commit implements ledger.Store.
func (m *Mortal) Commit(ctx context.Context, c ledger.Commit) error {
	_, err := step(m, "Commit", func() (struct{}, error) { return struct{}{}, m.Store.Commit(ctx, c) })
	return err
}

// Touch implements ledger.Store.
func (m *Mortal) Touch(ctx context.Context, id string, t ledger.Touch) (ledger.Record, error) {
	return step(m, "Touch", func() (ledger.Record, error) { return m.Store.Touch(ctx, id, t) })
}

// Documents implements ledger.Shelf.
func (m *Mortal) Documents(ctx context.Context, kind, state string, after ledger.Position, limit int) ([]ledger.Document, error) {
	return step(m, "Documents", func() ([]ledger.Document, error) { return m.Store.Documents(ctx, kind, state, after, limit) })
}

// Queue implements ledger.Shelf.
func (m *Mortal) Queue(ctx context.Context, kind, state string, after ledger.Position, limit int) ([]ledger.Document, error) {
	return step(m, "Queue", func() ([]ledger.Document, error) { return m.Store.Queue(ctx, kind, state, after, limit) })
}

// Sign implements protocol.Signer.
func (m *Mortal) Sign(ctx context.Context, p protocol.Prepared) (protocol.Signature, error) {
	return step(m, "Sign", func() (protocol.Signature, error) { return m.Signer.Sign(ctx, p) })
}
