import type { License } from '../../api/client';
import { dayWords } from '../../license/dates';
import { typeName } from '../../license/roles';
import { boughtWords } from '../../license/seats';

/** What staff know about a license beyond its view. */
export function Facts({ license }: { license: License }) {
  const purpose = license.purpose ? `, ${license.purpose}` : '';
  const facts: [string, string][] = [
    ['Type', typeName(license.type) + purpose],
    ['Bought', boughtWords(license.modules)],
    ['Starts', dayWords(license.startsOn)],
    ['Expiration date', license.expiresOn ? dayWords(license.expiresOn) : 'Never'],
    ['Issued', `${dayWords(license.issuedOn)} by ${license.issuedBy}`],
    ['License of this server', `Number ${license.sequence}`],
  ];
  if (license.contract) facts.push(['Contract', license.contract]);
  if (license.order) facts.push(['Order', license.order]);
  return (
    <section class="stack-16" aria-labelledby="facts">
      <h2 id="facts">Facts</h2>
      <div class="card padded stack-16">
        <dl class="fact-list">
          {facts.map(([name, value]) => (
            <Row key={name} name={name} value={value} />
          ))}
        </dl>
        <p class="hint">
          License id <code>{license.id}</code>
        </p>
      </div>
    </section>
  );
}

function Row({ name, value }: { name: string; value: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </>
  );
}
