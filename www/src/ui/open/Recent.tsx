/** Images to go to: of earlier visits, and those that the host suggests. @module */
import type { JSX } from "preact";
import { START } from "../../address/address.ts";
import { forget, type Visit, visits } from "../../page/history.ts";
import { href } from "../../page/location.ts";
import { site } from "../../page/session.ts";
import { Button, IconButton } from "../controls/Button.tsx";
import { CloseIcon } from "../controls/icons.tsx";

export function Recent(): JSX.Element {
  const { demo } = site.value;
  return (
    <>
      {visits.value.length > 0 && (
        <section aria-labelledby="open-recent">
          <div class="open-heading">
            <h2 id="open-recent">Recent</h2>
            <Button kind="quiet" onClick={() => forget()}>
              Forget all
            </Button>
          </div>
          <ul class="open-list">
            {visits.value.map((visit) => (
              <li key={`${visit.image} ${visit.platform}`}>
                <ImageLink visit={visit} />
                <IconButton label={`Forget ${visit.image}`} icon={CloseIcon} onClick={() => forget(visit)} />
              </li>
            ))}
          </ul>
        </section>
      )}
      {demo.length > 0 && (
        <section aria-labelledby="open-demo">
          <h2 id="open-demo">To try</h2>
          <ul class="open-list">
            {demo.map((image) => (
              <li key={image}>
                <ImageLink visit={{ image }} />
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}

function ImageLink({ visit }: { visit: Visit }): JSX.Element {
  return (
    <a href={href({ ...START, ...visit })}>
      <bdi>{visit.image}</bdi>
      {visit.platform && <small>{visit.platform}</small>}
    </a>
  );
}
