import { useEffect, useState } from 'preact/hooks';

const slowMs = 400;

/** True once something has been busy for longer than a person notices. */
export function useSlow(busy: boolean): boolean {
  const [slow, setSlow] = useState(false);
  useEffect(() => {
    if (!busy) {
      setSlow(false);
      return;
    }
    const timer = setTimeout(() => setSlow(true), slowMs);
    return () => clearTimeout(timer);
  }, [busy]);
  return slow;
}
