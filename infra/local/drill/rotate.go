package drill

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"qmslicensing/infra/keys/table"
	"qmslicensing/infra/local/gate"
	"qmslicensing/infra/local/operator"
	domain "qmslicensing/shared/license"
	"qmslicensing/shared/license/keyring"
)

// rotation is what happens to the keys of one purpose. The ids are those that the key table gives.
type rotation struct {
	purpose                domain.KeyPurpose
	signing, standby, next string // logical IDs of the keys; next is the standby that is made
	oldID, newID, nextID   string // what the key table calls them
	writer                 string // a function that signs with them
}

func rotations() []rotation {
	year := time.Now().UTC().Year()
	of := func(purpose domain.KeyPurpose, prefix, writer string) rotation {
		id := func(n int) string { return fmt.Sprintf("%s-%d-%d", purpose, year, n) }
		return rotation{
			purpose: purpose, signing: prefix + "SigningKey", standby: prefix + "StandbyKey", next: prefix + "NextKey",
			oldID: id(1), newID: id(2), nextID: id(3), writer: writer,
		}
	}
	return []rotation{of(domain.SoldKey, "Sold", "IssueFunction"), of(domain.TemporaryKey, "Temporary", "IssueTemporaryFunction")}
}

// reload is longer than functions go without reading the key table again.
const reload = 61 * time.Second

// rotate makes both standby keys the signers and gives each purpose a new standby, while licenses are issued, renewed,
// validated and handed out. Writers that die before and after it leave licenses for the sweep.
func rotate(ctx context.Context, d *drill) error {
	release, err := d.api.publicKeys(ctx)
	if err != nil {
		return err
	}
	t := &traffic{api: d.api, release: release, phase: before}
	abandoned, err := d.abandon(ctx, t)
	if err != nil {
		return err
	}
	working := t.start(ctx)
	err = d.rotateUnder(working, t)
	if err := errorOr(t.finish(), err); err != nil {
		return err
	}
	d.step("the traffic has ended: %d requests", t.requests)
	late, err := d.abandon(ctx, t)
	if err != nil {
		return err
	}
	if err := d.finishAbandoned(ctx, t, append(abandoned, late...)); err != nil {
		return err
	}
	if err := d.checkRotation(ctx, t); err != nil {
		return err
	}
	d.rotationFigures(t, len(abandoned)+len(late))
	return nil
}

// errorOr prefers the first: the failure that ended the traffic, to its consequences.
func errorOr(first, second error) error {
	if first != nil {
		return first
	}
	return second
}

// rotateUnder rotates in the middle of the traffic.
func (d *drill) rotateUnder(ctx context.Context, t *traffic) error {
	if err := sleep(ctx, d.Traffic); err != nil {
		return err
	}
	t.enter(during)
	for _, r := range rotations() {
		if err := d.rotatePurpose(ctx, r); err != nil {
			return err
		}
	}
	if d.Restart {
		t.restart.Lock()
		for _, f := range d.stack.Application.Functions {
			d.stack.Runtime.Kill(f.LogicalID)
		}
		t.restart.Unlock()
		d.step("the functions were started anew, as by a deployment")
	} else {
		if err := sleep(ctx, reload); err != nil {
			return err
		}
		d.step("every function has read the key table again")
	}
	t.enter(after)
	return sleep(ctx, d.Traffic)
}

// rotatePurpose does what the operator does, by the operator's own code: promote the standby, make and publish a new one.
func (d *drill) rotatePurpose(ctx context.Context, r rotation) error {
	old, promoted := d.key(r.signing), d.key(r.standby)
	if err := d.fill(ctx, table.Key{Purpose: r.purpose, State: keyring.Retired, ARN: old.ARN}, table.Key{Purpose: r.purpose, State: keyring.Signing, ARN: promoted.ARN}); err != nil {
		return err
	}
	d.step("%s signs, %s is retired", r.newID, r.oldID)
	next, err := d.stack.AddKey(r.standby, r.next)
	if err != nil {
		return err
	}
	if err := d.fill(ctx, table.Key{Purpose: r.purpose, State: keyring.Standby, ARN: next.ARN}); err != nil {
		return err
	}
	d.step("%s was made and is standby", r.nextID)
	return d.mayUse(ctx, r.writer, next.ARN)
}

// mayUse asks a key for a signature in a function's name. A standby with the wrong policy would else show only when it is
// promoted.
func (d *drill) mayUse(ctx context.Context, function, arn string) error {
	_, err := d.system.KMS(function).Sign(ctx, &kms.SignInput{
		KeyId: &arn, Message: []byte("drill"), MessageType: types.MessageTypeRaw, SigningAlgorithm: types.SigningAlgorithmSpecEcdsaSha256,
	})
	if err != nil {
		return unmet("a standby that "+function+" may use", "%v", err)
	}
	return nil
}

func (d *drill) fill(ctx context.Context, keys ...table.Key) error {
	written, err := table.Fill(ctx, d.system.KMS(operator.Principal), d.system.Store(operator.Principal), keys, time.Now())
	if err == nil && len(written) != len(keys) {
		err = unmet(fmt.Sprintf("%d changes of the key table", len(keys)), "%d", len(written))
	}
	return err
}

// abandoned is a request whose writer died between its intent and its signature.
type abandoned struct {
	call  call
	begun string
}

// abandon lets a writer of each purpose die once it has stored what it is about to sign. The traffic must rest.
func (d *drill) abandon(ctx context.Context, t *traffic) ([]abandoned, error) {
	var left []abandoned
	for _, r := range rotations() {
		c := d.api.issue(d.api.fresh("QMSA-LEFT"))
		if r.purpose == domain.TemporaryKey {
			c = d.api.temporary("support", "emergency", d.api.fresh("QMSA-LEFT"))
		}
		err := d.stack.Gate.Arm(gate.Arming{Function: r.writer, Action: "dynamodb:TransactWriteItems", When: "after", Do: "kill"})
		if err != nil {
			return nil, err
		}
		got, err := d.api.send(ctx, c)
		d.stack.Gate.Disarm()
		if err != nil {
			return nil, err
		}
		if got.status != 500 {
			return nil, unmet("the writer to be gone (status 500)", "%v", got)
		}
		left = append(left, abandoned{c, t.now()})
	}
	d.step("two writers died before they signed, %s the rotation", t.now())
	return left, nil
}

// finishAbandoned lets the sweep finish what the dead writers left; the same requests then get their licenses.
func (d *drill) finishAbandoned(ctx context.Context, t *traffic, left []abandoned) error {
	if err := sleep(ctx, lease); err != nil {
		return err
	}
	if err := d.sweep(ctx); err != nil {
		return err
	}
	for _, one := range left {
		var got licensed
		reply, err := d.api.want(ctx, one.call, 201, &got)
		if err != nil {
			return err
		}
		if reply.header.Get("Idempotency-Replayed") != "true" {
			return unmet("the license that the sweep finished", "one that was made now: %v", reply)
		}
		// It names, and is signed with, the key of its intent, although that one may be retired by now.
		t.enter(one.begun)
		if _, err := t.keep(got.License, one.begun); err != nil {
			return err
		}
	}
	d.step("the sweep finished what they left")
	return nil
}

// checkRotation holds the end against what a rotation promises.
func (d *drill) checkRotation(ctx context.Context, t *traffic) error {
	set, err := d.api.publicKeys(ctx)
	if err != nil {
		return err
	}
	if !set.holds(t.latest) || len(set) != len(t.release)+len(rotations()) {
		return unmet(fmt.Sprintf("the %d public keys of before and 2 new ones", len(t.release)), "%s", strings.Join(set.names(), " "))
	}
	t.latest = set
	entries, err := d.system.Store(operator.Principal).Keys(ctx)
	if err != nil {
		return err
	}
	states := map[string]keyring.State{}
	for _, e := range entries {
		states[e.ID] = e.State
	}
	signer := map[string]map[string]bool{before: {}, during: {}, after: {}}
	for _, r := range rotations() {
		if states[r.oldID] != keyring.Retired || states[r.newID] != keyring.Signing || states[r.nextID] != keyring.Standby {
			return unmet(fmt.Sprintf("%s retired, %s signing, %s standby", r.oldID, r.newID, r.nextID), "%v", states)
		}
		signer[before][r.oldID], signer[during][r.oldID], signer[during][r.newID], signer[after][r.newID] = true, true, true, true
	}
	for _, one := range t.licenses {
		if !signer[one.phase][one.kid] {
			return unmet(fmt.Sprintf("licenses %s the rotation to be signed with %v", one.phase, slices.Sorted(maps.Keys(signer[one.phase]))), "%s with %s", one.ID, one.kid)
		}
	}
	return d.verifyAll(ctx, t)
}

// verifyAll verifies every license offline with the keys published now, and through the API.
func (d *drill) verifyAll(ctx context.Context, t *traffic) error {
	work, failures := make(chan issued), make([]error, 4)
	var workers sync.WaitGroup
	for n := range failures {
		workers.Go(func() {
			for one := range work {
				_, kid, err := t.latest.verify(one.LicenseKey)
				if err == nil {
					err = t.loads(ctx, one)
				}
				if err != nil {
					failures[n] = fmt.Errorf("license %s of key %s: %w", one.ID, kid, err)
				}
			}
		})
	}
	for _, one := range t.licenses {
		work <- one
	}
	close(work)
	workers.Wait()
	for _, err := range failures {
		if err != nil {
			return err
		}
	}
	d.step("every license verifies")
	return nil
}

func (d *drill) rotationFigures(t *traffic, left int) {
	for _, phase := range []string{before, during, after} {
		counts, text := map[string]int{}, []string{}
		for _, one := range t.licenses {
			if one.phase == phase {
				counts[one.kid]++
			}
		}
		for _, kid := range slices.Sorted(maps.Keys(counts)) {
			text = append(text, fmt.Sprintf("%s: %d", kid, counts[kid]))
		}
		d.figure("licenses issued "+phase+" the rotation", "%s", strings.Join(text, ", "))
	}
	d.figure("licenses that verify, offline and through the API", "%d of %d", len(t.licenses), len(t.licenses))
	d.figure("licenses left by writers that died, finished", "%d of %d", left, left)
	d.figure("requests, failures", "%d, %d", t.requests, t.failures)
	d.figure("public keys before", "%s", strings.Join(t.release.names(), " "))
	d.figure("public keys after", "%s", strings.Join(t.latest.names(), " "))
	d.figure("readings of the published keys, each with all before", "%d", t.reads)
}
