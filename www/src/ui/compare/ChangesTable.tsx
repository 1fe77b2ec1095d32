/** Values on both sides, one name a row. @module */

interface ChangesTableProps {
  labelledby: string;
  changes: readonly { name: string; left: string; right: string }[];
}

export function ChangesTable({ labelledby, changes }: ChangesTableProps) {
  return (
    <table class="changes-table figures" aria-labelledby={labelledby}>
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
            <td class={left === "" ? undefined : "toned tone-removed"}>
              <bdi>{left}</bdi>
            </td>
            <td class={right === "" ? undefined : "toned tone-added"}>
              <bdi>{right}</bdi>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
