/** Tables: titles of columns, and a line for each thing. @module */
import type { ComponentChildren } from "preact";

interface TableProps {
  /** Its name for screen readers. */
  label: string;
  head: readonly ComponentChildren[];
  rows: readonly (readonly [key: string | number, ...cells: ComponentChildren[]])[];
  /** Columns of numbers. */
  numbers?: readonly number[];
}

export function Table({ label, head, rows, numbers = [] }: TableProps) {
  const look = (at: number): string | undefined => (numbers.includes(at) ? "table-number" : undefined);
  return (
    <table class="table" aria-label={label}>
      <thead>
        <tr>
          {head.map((title, at) => (
            <th key={`${at}`} scope="col" class={look(at)}>
              {title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(([key, ...cells]) => (
          <tr key={key}>
            {cells.map((cell, at) => (
              <td key={`${at}`} class={look(at)}>
                {cell}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
