// Idempotency keys. The same content of a form is the same request, whether it is clicked twice, tried again after a lost
// answer, or sent after signing in again; another content is another request. Kept for this tab only.

const store = 'attempts';

function read(): Record<string, string> {
  try {
    return JSON.parse(sessionStorage.getItem(store) ?? '{}') as Record<string, string>;
  } catch {
    return {};
  }
}

/** The key of a request: made at the first try, the same at every later one. */
export function keyFor(content: unknown): string {
  const all = read();
  const name = JSON.stringify(content);
  const key = all[name] ?? crypto.randomUUID();
  sessionStorage.setItem(store, JSON.stringify({ ...all, [name]: key }));
  return key;
}

/** Forgets a request whose outcome is known, so that the same content later is a new one. */
export function settle(content: unknown): void {
  const { [JSON.stringify(content)]: _, ...rest } = read();
  sessionStorage.setItem(store, JSON.stringify(rest));
}
