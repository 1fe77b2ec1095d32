/** Values on both sides, one name a row. @module */
import type { JSX } from "preact";

interface ChangesTableProps {
  labelledby: string;
  changes: readonly { name: string; left: string; right: string }[];
}

export function ChangesTable({ labelledby, changes }: ChangesTableProps): JSX.Element {
  return (
    <table class="changes-table" aria-labelledby={labelledby}>
      <thead class="unseen">
        <tr>
          <th scope="col">What</th>
          <th scope="col">From</th>
          <th scope="col">To</th>
        </tr>
      </thead>
      <tbody>
        {changes.map(({ name, left, right }) => (
          <tr key={name}>
            <th scope="row">
              <bdi>{name}</bdi>
            </th>
            <td class={left === "" ? undefined : "is-left"}>
              <bdi>{left}</bdi>
            </td>
            <td class={right === "" ? undefined : "is-right"}>
              <bdi>{right}</bdi>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
