import { describe, expect, it } from 'vitest';
import * as seats from './seats';

const bought = (qmsSuite: number, callRecording: number, computerRecording: number, agentEvaluation: number) => ({
  qmsSuite,
  callRecording,
  computerRecording,
  agentEvaluation,
});

describe('sums', () => {
  it('combines QMS Suite and modules', () => {
    const modules = bought(50, 20, 0, 0);
    expect(seats.seatsWords(seats.seatsOf(modules))).toBe('70 / 50 / 50');
    expect(seats.boughtWords(modules)).toBe('50 QMS Suite + 20 Call Recording');
    expect(seats.sumWords(modules, 'callRecording')).toBe('50 QMS Suite + 20');
    expect(seats.sumWords(modules, 'agentEvaluation')).toBe('50 QMS Suite');
    expect(seats.modulesOf(seats.seatsOf(modules), 50)).toEqual(modules);
  });

  it('says what is bought without QMS Suite', () => {
    const modules = bought(0, 7, 0, 0);
    expect(seats.sumWords(modules, 'callRecording')).toBe('without QMS Suite');
    expect(seats.sumWords(modules, 'computerRecording')).toBe('not in this license');
  });
});

describe('prerequisites', () => {
  it('shows the sum and the fix', () => {
    expect(seats.shortageOf(bought(50, 20, 30, 0))).toEqual({
      module: 'computerRecording',
      add: 10,
      title: '10 Call Recording seats are missing',
      text: '80 Computer Recording seats need 80 Call Recording seats; this license has 20 + 50 from QMS Suite = 70. Add 10.',
    });
  });

  it('adds for the module that needs most', () => {
    expect(seats.shortageOf(bought(0, 1, 2, 5))).toMatchObject({ module: 'agentEvaluation', add: 4 });
    expect(seats.shortageOf(bought(0, 4, 5, 5))).toMatchObject({ add: 1, title: '1 Call Recording seat is missing' });
  });

  it('needs one Call Recording seat', () => {
    expect(seats.shortageOf(bought(0, 0, 0, 0))).toMatchObject({ module: null, add: 1 });
    expect(seats.shortageOf(bought(1, 0, 0, 0))).toBeNull();
  });
});

describe('quantities', () => {
  it.each([
    ['', 0],
    [' 20 ', 20],
    ['100000', 100_000],
    ['100001', null],
    ['-1', null],
    ['1.5', null],
    ['1e3', null],
    ['ten', null],
  ])('reads "%s" as %s', (text, n) => expect(seats.parseQuantity(text)).toBe(n));
});
