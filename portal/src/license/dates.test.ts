import { describe, expect, it } from 'vitest';
import * as dates from './dates';

describe('terms', () => {
  it.each([
    ['2026-01-01', 12, '2026-12-31'],
    ['2026-11-23', 1, '2026-12-22'],
    ['2026-01-31', 1, '2026-02-27'],
    ['2024-02-29', 12, '2025-02-27'],
    ['2024-02-29', 48, '2028-02-28'],
    ['2026-12-15', 120, '2036-12-14'],
  ])('%s + %i months ends %s', (start, months, end) => expect(dates.termEnd(start, months)).toBe(end));

  it('keeps the anchor day where a month is too short for it', () => {
    expect(dates.addMonths('2026-01-31', 1, 31)).toBe('2026-02-28');
    expect(dates.addMonths('2026-02-28', 1, 31)).toBe('2026-03-31');
    expect(dates.addMonths('2026-11-30', 3, 31)).toBe('2027-02-28');
  });

  it('renews from the day after the expiration date, or from today', () => {
    const license = { startsOn: '2025-12-16', expiresOn: '2026-12-15' };
    expect(dates.renewedUntil('expiration', license, 12, '2026-11-23')).toBe('2027-12-15');
    expect(dates.renewedUntil('today', license, 12, '2026-11-23')).toBe('2027-11-22');
  });

  it('takes the anchor from the first start where a short month clamped it', () => {
    const license = { startsOn: '2026-01-31', expiresOn: '2026-02-27' };
    expect(dates.renewedUntil('expiration', license, 1, '2026-02-01')).toBe('2026-03-30');
  });
});

describe('days', () => {
  it.each([
    ['2026-02-29', false],
    ['2028-02-29', true],
    ['2026-13-01', false],
    ['0999-01-01', false],
    ['2026-1-1', false],
    ['', false],
  ])('%s is a day: %s', (text, is) => expect(dates.isDay(text)).toBe(is));

  it('works through the day everywhere on Earth', () => {
    expect(new Date(dates.expiryInstant('2026-12-31')).toISOString()).toBe('2027-01-01T12:00:00.000Z');
  });

  it('is the UTC day', () => {
    expect(dates.today(Date.parse('2026-11-23T23:59:59Z'))).toBe('2026-11-23');
  });

  it('is written without doubt', () => {
    expect(dates.dayWords('2026-11-03')).toBe('3\u00a0Nov\u00a02026');
    expect(dates.instantWords('2026-11-20T09:12:59Z')).toBe('20\u00a0Nov\u00a02026, 09:12 UTC');
    expect(dates.distanceWords('2026-11-23', '2026-12-15')).toBe('in 22 days');
    expect(dates.distanceWords('2026-11-23', '2026-11-22')).toBe('yesterday');
    expect(dates.distanceWords('2026-11-23', '2026-11-23')).toBe('today');
    expect(dates.distanceWords('2026-11-23', '2026-11-24')).toBe('in 1 day');
  });

  it('ends at noon UTC after the last day', () => {
    expect(dates.endsWords('2026-11-23', '2026-12-15')).toBe('Ends 15\u00a0Dec\u00a02026, in 22 days');
    expect(dates.endsWords('2026-11-23', '2026-11-23')).toBe('Ends 23\u00a0Nov\u00a02026, today');
    expect(dates.endsWords('2026-11-23', '2026-11-22')).toBe('Ends today, 12:00 UTC');
  });
});
