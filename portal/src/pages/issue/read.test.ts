import { describe, expect, it } from 'vitest';
import type { License } from '../../api/client';
import { allConditions, type Draft, emptyDraft } from './draft';
import { readDraft } from './read';

const now = '2026-11-23';
const draft = (part: Partial<Draft>, role: 'sales' | 'accounting' = 'accounting'): Draft => ({
  ...emptyDraft(role),
  token: ' qmsa-7k2p-9xwd-h4tn-rc53 ',
  customer: ' Northwind ',
  typed: { qmsSuite: '50', callRecording: '20', computerRecording: '', agentEvaluation: '' },
  ...part,
});
const base = { id: 'b'.repeat(32), version: 3, type: 'subscription', status: 'active' } as License;
const modules = { qmsSuite: 50, callRecording: 20, computerRecording: 0, agentEvaluation: 0 };
const common = { serverToken: 'QMSA-7K2P-9XWD-H4TN-RC53', customer: 'Northwind', modules };

describe('the request of a form', () => {
  it('is a trial for sales', () => {
    const { request, facts } = readDraft(draft({}, 'sales'), null, now);
    expect(request).toEqual({ path: 'issueTemporary', body: { ...common, purpose: 'trial', days: 30 }, ifMatch: null });
    expect(facts.expiresOn).toBe('2026-12-23');
  });

  it('is a subscription by contract', () => {
    const { request, facts } = readDraft(draft({ contract: 'C-2041' }), null, now);
    expect(request?.body).toEqual({ ...common, type: 'subscription', contract: 'C-2041', termMonths: 12 });
    expect(facts.expiresOn).toBe('2027-11-22');
  });

  it('says what it replaces, with the version that was seen', () => {
    expect(readDraft(draft({ contract: 'C-1' }), base, now)).toMatchObject({ request: null });
    expect(readDraft(draft({ contract: 'C-1', replace: true }), base, now).request).toMatchObject({
      body: { replaces: base.id },
      ifMatch: '"3"',
    });
  });

  it('opens when all four conditions are met', () => {
    const met = { metOn: '2026-11-12', evidence: 'Order O-1' };
    const conditions = Object.fromEntries(allConditions.map((name) => [name, met])) as Draft['conditions'];
    const permanent = draft({ type: 'permanent', order: 'O-1', conditions });
    expect(readDraft(permanent, null, now).request).toMatchObject({
      body: { conditions: allConditions.map((name) => ({ name, ...met })) },
    });
    const open = { ...conditions, 'payment-received': { metOn: '', evidence: '' } };
    expect(readDraft({ ...permanent, conditions: open }, null, now).closed).toBe(
      '“Payment received” is not met yet. Issuing opens when all 4 conditions are met.',
    );
  });
});

describe('what is wrong', () => {
  it.each<[string, Partial<Draft>, string]>([
    ['no contract', {}, 'contract'],
    ['a term of 121 months', { contract: 'C', term: 'months', months: '121' }, 'months'],
    ['an end before tomorrow', { contract: 'C', term: 'date', expiresOn: now }, 'expiresOn'],
    ['an end after 120 months', { contract: 'C', term: 'date', expiresOn: '2036-11-23' }, 'expiresOn'],
    ['a term that is over', { contract: 'C', startsOn: '2025-01-01' }, 'startsOn'],
    ['no whole token', { contract: 'C', token: 'QMSA-7' }, 'token'],
    [
      'no seats',
      { contract: 'C', typed: { qmsSuite: '', callRecording: '', computerRecording: '', agentEvaluation: '' } },
      'q-qmsSuite',
    ],
    [
      'too many seats',
      {
        contract: 'C',
        typed: { qmsSuite: '60000', callRecording: '60000', computerRecording: '', agentEvaluation: '' },
      },
      'q-callRecording',
    ],
  ])('%s', (_, part, field) => {
    const { errors, request } = readDraft(draft(part), null, now);
    expect(Object.keys(errors)).toEqual([field]);
    expect(request).toBeNull();
  });
});
