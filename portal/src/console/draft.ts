// What is typed in a form, kept for this tab: a reload, a sign-in or a lost connection does not lose it.
import { useState } from 'preact/hooks';

export function useDraft<T extends object>(
  name: string,
  empty: () => T,
): [T, (change: Partial<T>) => void, () => void] {
  const item = `draft:${name}`;
  const [draft, setDraft] = useState<T>(() => ({ ...empty(), ...stored<T>(item) }));
  const change = (part: Partial<T>) =>
    setDraft((before) => {
      const after = { ...before, ...part };
      sessionStorage.setItem(item, JSON.stringify(after));
      return after;
    });
  const clear = () => {
    sessionStorage.removeItem(item);
    setDraft(empty());
  };
  return [draft, change, clear];
}

function stored<T>(item: string): Partial<T> {
  try {
    return JSON.parse(sessionStorage.getItem(item) ?? '{}') as Partial<T>;
  } catch {
    return {};
  }
}
