// A table by its columns; on a small screen each row is a card whose cells say their column.
import { Table } from "@mantine/core";
import type { ReactNode } from "react";

export interface Column<Row> {
  label: string;
  cell: (row: Row) => ReactNode;
  right?: boolean;
}

export function Rows<Row>({ columns, rows, keyOf, label }: { columns: Column<Row>[]; rows: Row[]; keyOf: (row: Row) => string; label: string }) {
  return (
    <Table className="cards" verticalSpacing="xs" highlightOnHover aria-label={label}>
      <Table.Thead><Table.Tr>{columns.map(column => <Table.Th key={column.label} ta={column.right ? "right" : undefined}>{column.label}</Table.Th>)}</Table.Tr></Table.Thead>
      <Table.Tbody>
        {rows.map(row => (
          <Table.Tr key={keyOf(row)}>
            {columns.map(column => <Table.Td key={column.label} data-label={column.label} ta={column.right ? "right" : undefined}>{column.cell(row)}</Table.Td>)}
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
