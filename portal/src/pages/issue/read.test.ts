import { describe, expect, it } from 'vitest';
import type { License } from '../../api/client';
import { allConditions, type Draft, emptyDraft, withToken } from './draft';
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
    expect(
      readDraft(draft({ contract: 'C-1', replaces: { id: base.id, version: 3 } }), base, now).request,
    ).toMatchObject({
      body: { replaces: base.id },
      ifMatch: '"3"',
    });
  });

  it.each([
    { id: base.id, version: 2 },
    { id: 'c'.repeat(32), version: 3 },
  ])('does not carry a tick over from %j', (replaces) => {
    expect(readDraft(draft({ contract: 'C-1', replaces }), base, now).closed).toContain('Tick that the new one');
  });

  it('counts the days to a typed date, and keeps the text of an incomplete one', () => {
    const sent = readDraft(draft({ days: '', ends: '2026-12-01' }, 'sales'), null, now);
    expect(sent.request?.body).toMatchObject({ days: 8 });
    const part = readDraft(draft({ days: '', ends: '0002-12-01' }, 'sales'), null, now);
    expect(part.request).toBeNull();
    expect(Object.keys(part.errors)).toEqual(['expiresOn']);
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
    const later = { ...conditions, 'payment-received': { ...met, metOn: '2026-11-24' } };
    expect(readDraft({ ...permanent, conditions: later }, null, now).closed).toContain('“Payment received” is not met');
  });
});

describe('what is wrong', () => {
  it.each<[string, Partial<Draft>, string]>([
    ['no contract', {}, 'contract'],
    ['a term of 121 months', { contract: 'C', term: 'months', months: '121' }, 'months'],
    ['an end before tomorrow', { contract: 'C', term: 'date', expiresOn: now }, 'expiresOn'],
    ['an end after 120 months', { contract: 'C', term: 'date', expiresOn: '2036-11-23' }, 'expiresOn'],
    ['a term that is over', { contract: 'C', startsOn: '2025-01-01' }, 'startsOn'],
    ['a start in the future', { contract: 'C', startsOn: '2026-11-24' }, 'startsOn'],
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

describe('another Server Token', () => {
  const filled = draft({ filledIn: true, replaces: { id: base.id, version: 3 } });
  it('clears the customer that was filled in', () => {
    const token = 'QMSA-OTHER-1';
    expect(withToken(filled, token)).toEqual({ token, customer: '', filledIn: false, replaces: null });
  });
  it('keeps the customer that was typed', () => {
    expect(withToken({ ...filled, filledIn: false }, 'QMSA-OTHER-1')).not.toHaveProperty('customer');
  });
  it('is not the same one in other letters', () => {
    const token = 'QMSA-7K2P-9XWD-H4TN-RC53';
    expect(withToken(filled, token)).toEqual({ token });
  });
});
