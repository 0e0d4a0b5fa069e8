import { home } from '../paths';
import { ButtonLink } from '../ui/button';
import { PageTitle } from '../ui/shell';

export function UnknownPage() {
  return (
    <>
      <PageTitle title="No page has this address" />
      <p class="lead">It was mistyped, or it leads to something that is not built yet.</p>
      <p class="reading">
        <ButtonLink href={home}>Go to Home</ButtonLink>
      </p>
    </>
  );
}
