import { useState } from 'preact/hooks';
import { Button } from './button';
import { copyText } from './copy';
import { Icon } from './icons';

interface Props {
  text: string;
  serverToken: string;
  /** Staff: one line, cut with an ellipsis. */
  oneLine?: boolean;
  /** Whether taking the key away is what this view is for. */
  filled: boolean;
  heading?: 'h2' | 'h3';
}

/** The key tears off: the view is for people, the key for QMS. */
export function LicenseKey({ text, serverToken, oneLine, filled, heading: Heading = 'h3' }: Props) {
  const [said, say] = useState<{ good: boolean; words: string } | null>(null);
  const copy = async () => {
    const good = await copyText(text);
    say(
      good
        ? { good, words: `Copied ${text.length} characters, no spaces.` }
        : { good, words: 'The browser did not allow copying. Use the .lic file.' },
    );
  };
  return (
    <div class="key">
      <div class="split">
        <Heading class="card-title">License key</Heading>
        <span class="hint">{text.length} characters</span>
      </div>
      <code class={`key-text${oneLine ? ' one-line' : ''}`}>{text}</code>
      <div class="actions">
        <Button kind={filled ? 'filled' : 'default'} icon="copy" onClick={() => void copy()}>
          Copy license key
        </Button>
        <Button
          icon="download"
          onClick={() => {
            say(null);
            download(`qms-${serverToken}.lic`, text);
          }}
        >
          Download .lic file
        </Button>
        <span class={said?.good ? 'said ok' : 'said'} role="status">
          {said && <Icon name={said.good ? 'check' : 'warn'} />}
          {said?.words}
        </span>
      </div>
    </div>
  );
}

/** The file is the text, byte for byte. */
function download(name: string, text: string): void {
  const address = URL.createObjectURL(new Blob([text], { type: 'application/octet-stream' }));
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
