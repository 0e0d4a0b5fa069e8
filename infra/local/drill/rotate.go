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
	"qmslicensing/infra/local/template"
	domain "qmslicensing/shared/license"
	"qmslicensing/shared/license/keyring"
)

// rotation is what happens to the keys of one purpose.
type rotation struct {
	purpose              domain.KeyPurpose
	writer               string // logical ID of a function that signs with them
	old, promoted, next  template.Key
	oldID, newID, nextID string // what the key table calls them
}

// rotations finds the keys by what the template's tags say of them, and what the key table calls them.
func (d *drill) rotations(ctx context.Context) ([]*rotation, error) {
	all := []*rotation{{purpose: domain.SoldKey, writer: "IssueFunction"}, {purpose: domain.TemporaryKey, writer: "IssueTemporaryFunction"}}
	for _, r := range all {
		r.old, r.promoted = d.key(r.purpose, keyring.Signing), d.key(r.purpose, keyring.Standby)
		var err error
		if r.oldID, err = d.keyID(ctx, r.old.ARN); err != nil {
			return nil, err
		}
		if r.newID, err = d.keyID(ctx, r.promoted.ARN); err != nil {
			return nil, err
		}
	}
	return all, nil
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
	keys, err := d.rotations(ctx)
	if err != nil {
		return err
	}
	t := &traffic{api: d.api, release: release, phase: before}
	left, err := d.abandon(ctx, t, keys)
	if err != nil {
		return err
	}
	working := t.start(ctx)
	err = d.rotateUnder(working, t, keys)
	if err := errorOr(t.finish(), err); err != nil {
		return err
	}
	d.step("the traffic has ended: %d requests", t.requests)
	late, err := d.abandon(ctx, t, keys)
	if err != nil {
		return err
	}
	if err := d.finishAbandoned(ctx, t, append(left, late...)); err != nil {
		return err
	}
	if err := d.checkRotation(ctx, t, keys); err != nil {
		return err
	}
	d.rotationFigures(t, len(left)+len(late))
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
func (d *drill) rotateUnder(ctx context.Context, t *traffic, keys []*rotation) error {
	if err := sleep(ctx, d.Traffic); err != nil {
		return err
	}
	t.enter(during)
	for _, r := range keys {
		if err := d.rotatePurpose(ctx, r); err != nil {
			return err
		}
	}
	if d.Restart {
		t.restart.Lock()
		for _, f := range d.stack.Application.Functions {
			d.stack.Functions.Kill(f.LogicalID, "")
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

// rotatePurpose does what the operator does, by the operator's own code: make a new standby, then write all three keys of
// the purpose at once, so that there is one signer at every moment.
func (d *drill) rotatePurpose(ctx context.Context, r *rotation) error {
	var err error
	if r.next, err = d.stack.AddKey(r.promoted.LogicalID, r.promoted.LogicalID+"Next"); err != nil {
		return err
	}
	written, err := table.Fill(ctx, d.system.KMS(operator.Principal), d.system.Store(operator.Principal), []table.Key{
		{Purpose: r.purpose, State: keyring.Retired, ARN: r.old.ARN},
		{Purpose: r.purpose, State: keyring.Signing, ARN: r.promoted.ARN},
		{Purpose: r.purpose, State: keyring.Standby, ARN: r.next.ARN},
	}, time.Now())
	if err != nil {
		return err
	}
	if len(written) != 3 {
		return unmet("3 changes of the key table", "%d", len(written))
	}
	if r.nextID, err = d.keyID(ctx, r.next.ARN); err != nil {
		return err
	}
	d.step("%s is retired, %s signs, %s was made and is standby", r.oldID, r.newID, r.nextID)
	return d.mayUse(ctx, r.writer, r.next.ARN)
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

// abandoned is a request whose writer died between its intent and its signature.
type abandoned struct {
	call  call
	begun string
}

// abandon lets a writer of each purpose die once it has stored what it is about to sign. The traffic must rest.
func (d *drill) abandon(ctx context.Context, t *traffic, keys []*rotation) ([]abandoned, error) {
	var left []abandoned
	for _, r := range keys {
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
func (d *drill) checkRotation(ctx context.Context, t *traffic, keys []*rotation) error {
	set, err := d.api.publicKeys(ctx)
	if err != nil {
		return err
	}
	if !set.holds(t.latest) || len(set) != len(t.release)+len(keys) {
		return unmet(fmt.Sprintf("the %d public keys of before and %d new ones", len(t.release), len(keys)), "%s", strings.Join(set.names(), " "))
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
	for _, r := range keys {
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
