/** The end of a switch over a closed list: the compiler refuses the call when a case is missing. */
export function assertNever(value: never): never {
  throw new Error(`no case for ${JSON.stringify(value)}`);
}
