import type { ComponentChildren } from 'preact';
import { type Day, dayWords, distanceWords, today } from '../license/dates';
import { type LicenseType, type Purpose, typeName } from '../license/roles';
import { allModules, type Module, type Modules, moduleNames, numberWords, seatsOf, sumWords } from '../license/seats';
import { type Status, StatusBadge } from './badge';
import { CopyButton } from './copy';
import { Icon } from './icons';

export interface ViewFacts {
  serverToken: string;
  type: LicenseType;
  /** Staff see it; public pages do not. */
  purpose?: Purpose | null;
  /** null is Never; undefined is not known yet. */
  expiresOn: Day | null | undefined;
  modules: Modules;
}

interface Props {
  facts: ViewFacts;
  /** Not issued yet: a preview has no status and nothing to copy. */
  status?: Status;
  /** The module that has more seats than Call Recording. */
  shortOf?: { module: Module; add: number } | null;
  /** The level that fits the page. */
  heading?: 'h2' | 'h3';
  children?: ComponentChildren;
}

/** What QMS shows for a license. The dark band is a license; nothing else has such a band. */
export function LicenseView({ facts, status, shortOf, heading: Heading = 'h3', children }: Props) {
  const seats = seatsOf(facts.modules);
  return (
    <section class="card license" aria-label={status ? 'License' : 'Preview of the license'}>
      <div class="band">
        <div class="band-name">
          <Heading class="card-title">{status ? 'License' : 'Preview'}</Heading>
          {status && <StatusBadge status={status} />}
        </div>
        <div>
          <p class="hint">Server Token</p>
          <p class="band-token">
            <span class="mono">{facts.serverToken || '…'}</span>
            {status && <CopyButton text={facts.serverToken} label="Copy" of="Server Token" />}
          </p>
        </div>
      </div>
      <dl class="facts">
        <Fact name="Type" value={typeName(facts.type)} why={typeWords(facts)} />
        <Fact name="Expiration date" value={endWords(facts.expiresOn)} why={endWhy(facts.expiresOn, status)} />
        <Fact
          name="QMS Suite"
          value={numberWords(facts.modules.qmsSuite)}
          why={facts.modules.qmsSuite > 0 ? 'one of each module' : 'none in this license'}
        />
        {allModules.map((module) => (
          <Fact
            key={module}
            big
            name={moduleNames[module]}
            value={numberWords(seats[module])}
            why={sumWords(facts.modules, module)}
            wrong={shortOf?.module === module ? `${numberWords(shortOf.add)} more than Call Recording` : undefined}
          />
        ))}
      </dl>
      {children}
    </section>
  );
}

function Fact(props: { name: string; value: string; why: string; big?: boolean; wrong?: string | undefined }) {
  const { name, value, why, big, wrong } = props;
  return (
    <div class={`fact${big ? ' big' : ''}${wrong ? ' wrong' : ''}`}>
      <dt>{name}</dt>
      <dd class="value">{value}</dd>
      <dd class="hint">
        {wrong && <Icon name="bad" />}
        {wrong ?? why}
      </dd>
    </div>
  );
}

function typeWords({ type, purpose }: ViewFacts): string {
  if (type === 'temporary') return purpose ?? 'for a short time';
  return type === 'subscription' ? 'renewable by contract' : 'no expiration date';
}

function endWords(expiresOn: Day | null | undefined): string {
  if (expiresOn === undefined) return '…';
  return expiresOn === null ? 'Never' : dayWords(expiresOn);
}

function endWhy(expiresOn: Day | null | undefined, status: Status | undefined): string {
  if (expiresOn === undefined) return 'not chosen yet';
  if (expiresOn === null) return 'works without an end';
  return status === 'expired' ? `ended ${distanceWords(today(), expiresOn)}` : 'works through that day';
}
