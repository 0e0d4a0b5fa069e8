import { useState } from 'preact/hooks';
import { Button } from './button';

/** Copies a text without spaces around it; falls back to telling that the browser refused. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

export function CopyButton({ text, label, of }: { text: string; label: string; of: string }) {
  const [said, say] = useState('');
  const copy = async () => say((await copyText(text)) ? 'Copied' : 'Select it and press Ctrl+C');
  return (
    <>
      <Button kind="quiet" small icon={said === 'Copied' ? 'check' : 'copy'} onClick={() => void copy()}>
        {said || label}
        <span class="hidden"> {of}</span>
      </Button>
      <span class="hidden" role="status">
        {said && `${said}: ${of}`}
      </span>
    </>
  );
}
