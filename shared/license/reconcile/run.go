package reconcile

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/protocol"
)

const (
	// pageSize is how many items a run takes at once: their findings and its own progress go into one transaction.
	pageSize = 25
	// pageTime is kept before the deadline: a page that is begun is finished.
	pageTime = 5 * time.Second
	// dailyAt is when the run of a day is due, after midnight UTC: the signatures of the day before are counted by then.
	dailyAt = 3 * time.Hour
)

// Start begins a run, or goes on with the one that is not at its end, until it is done or the time is up; admin only.
// The answer says how far it came, and is the same for every repetition of the request.
func (r *Runner) Start(ctx context.Context, call protocol.Call) (protocol.Outcome, error) {
	if err := call.Caller.Authorize(license.SeeKeysAndFindings); err != nil {
		return protocol.Outcome{}, err
	}
	return protocol.Once(ctx, r.store, call, protocol.Digest("reconcile"), r.now(), func(ctx context.Context) (protocol.Result, error) {
		run, err := r.current(ctx, call.Caller.Username, true)
		if err != nil {
			return protocol.Result{}, err
		}
		if run, err = r.work(ctx, run); err != nil {
			return protocol.Result{}, err
		}
		answer, err := json.Marshal(map[string]Run{"run": run.Run})
		return protocol.Result{Kind: runKind, ID: run.ID, Answer: answer}, err
	})
}

// scheduled is who starts the run of a day.
const scheduled = "schedule"

// Tick goes on with a run that is not at its end, and begins that of the day once it is due. nil: there was nothing to do.
func (r *Runner) Tick(ctx context.Context) (*Run, error) {
	run, err := r.current(ctx, scheduled, false)
	if err != nil || run.ID == "" {
		return nil, err
	}
	run, err = r.work(ctx, run)
	return &run.Run, err
}

// current is currentOnce, again where somebody else has begun a run meanwhile.
func (r *Runner) current(ctx context.Context, by string, atOnce bool) (progress, error) {
	run, err := r.currentOnce(ctx, by, atOnce)
	if errors.Is(err, ledger.ErrConflict) {
		return r.currentOnce(ctx, by, atOnce)
	}
	return run, err
}

// currentOnce returns the run that is not at its end, or else begins one: at once, or if that of the day is due. A run
// without id: none is due.
func (r *Runner) currentOnce(ctx context.Context, by string, atOnce bool) (progress, error) {
	var last newest
	var err error
	if last.version, err = r.read(ctx, newestKind, newestID, &last); err != nil {
		return progress{}, err
	}
	if last.RunID != "" {
		run, _, err := r.readRun(ctx, last.RunID)
		if err != nil || run.State == Running || !atOnce && !run.StartedAt.Before(due(r.now())) {
			return running(run), err
		}
	}
	return r.begin(ctx, by, last)
}

// running is the run itself, or none if it is at its end.
func running(run progress) progress {
	if run.State == Running {
		return run
	}
	return progress{}
}

// due is when the newest daily run should have begun.
func due(now time.Time) time.Time {
	at := midnight(now).Add(dailyAt)
	if now.Before(at) {
		at = at.AddDate(0, 0, -1)
	}
	return at
}

func midnight(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

func (r *Runner) begin(ctx context.Context, by string, last newest) (progress, error) {
	now := r.now().UTC()
	var id [16]byte
	rand.Read(id[:])
	run := progress{Run: Run{ID: hex.EncodeToString(id[:]), StartedBy: by, StartedAt: now, State: Running}}
	run.Since = midnight(now)
	if last.DoneStarted.Before(run.Since) {
		run.Since = last.DoneStarted
	}
	run.From, run.To = window(now, last.DoneTo)
	last.RunID = run.ID
	pointer, err := document(newestKind, newestID, "", last.version, now, last)
	if err != nil {
		return run, err
	}
	if err := r.commit(ctx, &run, nil, pointer); err != nil {
		return run, err
	}
	return run, nil
}

// work takes pages until the run is at its end or the time is up. Where somebody else works on the same run, it returns
// the run as they have left it.
func (r *Runner) work(ctx context.Context, run progress) (progress, error) {
	for run.State == Running && timeLeft(ctx) {
		next, err := r.page(ctx, run)
		if errors.Is(err, ledger.ErrConflict) {
			stored, _, err := r.readRun(ctx, run.ID)
			return stored, err
		}
		if err != nil {
			return run, err
		}
		run = next
	}
	return run, nil
}

func timeLeft(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() == nil && (!ok || time.Until(deadline) > pageTime)
}

// page looks at the next items and stores what it found with how far it came.
func (r *Runner) page(ctx context.Context, run progress) (progress, error) {
	batch, err := r.store.Scan(ctx, run.Cursor, pageSize)
	if err != nil {
		return run, err
	}
	look := &look{Runner: r, run: &run}
	if err := look.at(ctx, batch); err != nil {
		return run, err
	}
	run.Cursor = batch.Next
	if run.Cursor != "" {
		return run, r.commit(ctx, &run, look.found, look.checkpoints...)
	}
	if err := look.signatures(ctx); err != nil {
		return run, err
	}
	finished := r.now().UTC()
	run.State, run.FinishedAt = Done, &finished
	var last newest
	if last.version, err = r.read(ctx, newestKind, newestID, &last); err != nil {
		return run, err
	}
	last.DoneStarted, last.DoneTo = run.StartedAt, run.To
	pointer, err := document(newestKind, newestID, "", last.version, finished, last)
	if err != nil {
		return run, err
	}
	return run, r.commit(ctx, &run, look.found, append(look.checkpoints, pointer)...)
}

// atOnce bounds the findings of one transaction, which DynamoDB limits to 100 items.
const atOnce = 50

// commit stores findings, other documents and the run, in one transaction unless the findings are too many for that: then
// those that come first are stored first, and a page that is looked at again finds them there.
func (r *Runner) commit(ctx context.Context, run *progress, found []Finding, others ...ledger.Document) error {
	fresh, err := r.unknown(ctx, run.ID, found)
	if err != nil {
		return err
	}
	for len(fresh) > atOnce {
		if err := r.store.Commit(ctx, ledger.Commit{Documents: fresh[:atOnce]}); err != nil {
			return err
		}
		run.Findings, fresh = run.Findings+atOnce, fresh[atOnce:]
	}
	run.Findings += len(fresh)
	stored, err := document(runKind, run.ID, "", run.version, run.StartedAt, run)
	if err != nil {
		return err
	}
	run.version++
	return r.store.Commit(ctx, ledger.Commit{Documents: append(append(fresh, others...), stored)})
}

// unknown makes documents of the findings that the run does not have yet.
func (r *Runner) unknown(ctx context.Context, runID string, found []Finding) ([]ledger.Document, error) {
	var fresh []ledger.Document
	seen := map[string]bool{}
	for _, f := range found {
		id := f.id(runID)
		_, known, err := r.store.Document(ctx, findingKind, id)
		if err != nil {
			return nil, err
		}
		if known || seen[id] {
			continue
		}
		seen[id] = true
		d, err := document(findingKind, id, runID, 0, r.now(), f)
		if err != nil {
			return nil, err
		}
		fresh = append(fresh, d)
	}
	return fresh, nil
}
