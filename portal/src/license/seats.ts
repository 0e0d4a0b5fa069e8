// What is bought and what follows from it: the sums and rules of shared/license/modules.go, for use while typing. The server
// decides.

export const moduleNames = {
  callRecording: 'Call Recording',
  computerRecording: 'Computer Recording',
  agentEvaluation: 'Agent Evaluation',
} as const;

export type Module = keyof typeof moduleNames;
export type Seats = Record<Module, number>;
export type Modules = Seats & { qmsSuite: number };

export const allModules: readonly Module[] = ['callRecording', 'computerRecording', 'agentEvaluation'];
export const mostSeats = 100_000;

export function seatsOf(modules: Modules): Seats {
  return {
    callRecording: modules.qmsSuite + modules.callRecording,
    computerRecording: modules.qmsSuite + modules.computerRecording,
    agentEvaluation: modules.qmsSuite + modules.agentEvaluation,
  };
}

/** The inverse, for a license that says its seats and its QMS Suite quantity. */
export function modulesOf(seats: Seats, suite: number): Modules {
  return {
    qmsSuite: suite,
    callRecording: seats.callRecording - suite,
    computerRecording: seats.computerRecording - suite,
    agentEvaluation: seats.agentEvaluation - suite,
  };
}

export const numberWords = (n: number): string => n.toLocaleString('en-US');

/** "70 / 50 / 50". */
export const seatsWords = (seats: Seats): string => allModules.map((m) => numberWords(seats[m])).join(' / ');

/** "50 QMS Suite + 20 Call Recording". */
export function boughtWords(modules: Modules): string {
  const parts = modules.qmsSuite > 0 ? [`${numberWords(modules.qmsSuite)} QMS Suite`] : [];
  for (const m of allModules) if (modules[m] > 0) parts.push(`${numberWords(modules[m])} ${moduleNames[m]}`);
  return parts.length > 0 ? parts.join(' + ') : 'No seats';
}

/** The sum under the seats of one module: "50 QMS Suite + 20". */
export function sumWords(modules: Modules, module: Module): string {
  const suite = modules.qmsSuite > 0 ? `${numberWords(modules.qmsSuite)} QMS Suite` : '';
  const own = modules[module];
  if (suite && own > 0) return `${suite} + ${numberWords(own)}`;
  if (suite) return suite;
  return own > 0 ? 'without QMS Suite' : 'not in this license';
}

export interface Shortage {
  /** The module that needs more Call Recording seats; none when there is no seat at all. */
  module: Module | null;
  add: number;
  title: string;
  text: string;
}

/** The missing Call Recording seats, with the sum and the fix; null when none is missing. */
export function shortageOf(modules: Modules): Shortage | null {
  const seats = seatsOf(modules);
  const have = seats.callRecording;
  const worst = seats.agentEvaluation > seats.computerRecording ? 'agentEvaluation' : 'computerRecording';
  const needed = seats[worst];
  if (needed > have) {
    const add = needed - have;
    const sum =
      modules.qmsSuite > 0
        ? `${numberWords(modules.callRecording)} + ${numberWords(modules.qmsSuite)} from QMS Suite = ${numberWords(have)}`
        : numberWords(have);
    const need = `${numberWords(needed)} ${moduleNames[worst]} seats need ${numberWords(needed)} Call Recording seats`;
    const title =
      add === 1 ? '1 Call Recording seat is missing' : `${numberWords(add)} Call Recording seats are missing`;
    return { module: worst, add, title, text: `${need}; this license has ${sum}. Add ${numberWords(add)}.` };
  }
  if (have > 0) return null;
  return {
    module: null,
    add: 1,
    title: 'This license has no seats',
    text: 'A license needs at least 1 Call Recording seat; this one has 0. Add 1 Call Recording or 1 QMS Suite.',
  };
}

/** The number in a quantity field: empty is 0; null when it is no quantity. */
export function parseQuantity(text: string): number | null {
  const digits = text.trim();
  if (digits === '') return 0;
  const n = Number(digits);
  return /^\d{1,6}$/.test(digits) && n <= mostSeats ? n : null;
}
