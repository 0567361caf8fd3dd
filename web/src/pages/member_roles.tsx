// Who may do what, in one picture.
import { Table, Text } from "@mantine/core";

type Who = "member" | "lead" | "admin" | "owner";
const columns: { who: Who; label: string }[] = [{ who: "member", label: "Member" }, { who: "lead", label: "Lead of a team" }, { who: "admin", label: "Admin" }, { who: "owner", label: "Owner" }];
const rows: { what: string; may: Record<Who, string> }[] = [
  { what: "Call models", may: { member: "as the team may", lead: "as the team may", admin: "yes", owner: "yes" } },
  { what: "See jobs and usage", may: { member: "their own", lead: "the team’s usage", admin: "all", owner: "all" } },
  { what: "Make keys", may: { member: "their own", lead: "the team’s", admin: "any", owner: "any" } },
  { what: "Invite people", may: { member: "no", lead: "into the team", admin: "anywhere", owner: "anywhere" } },
  { what: "Change providers, routing, prices", may: { member: "no", lead: "no", admin: "yes", owner: "yes" } },
  { what: "Change teams and people", may: { member: "no", lead: "members of the team", admin: "yes", owner: "yes" } },
  { what: "Make and change owners", may: { member: "no", lead: "no", admin: "no", owner: "yes" } },
];

export function Roles() {
  return (
    <>
      <Table aria-label="Roles" verticalSpacing="xs" className="cards">
        <Table.Thead><Table.Tr><Table.Th>May</Table.Th>{columns.map(column => <Table.Th key={column.who}>{column.label}</Table.Th>)}</Table.Tr></Table.Thead>
        <Table.Tbody>
          {rows.map(row => <Table.Tr key={row.what}><Table.Th scope="row">{row.what}</Table.Th>{columns.map(column => <Table.Td key={column.who} data-label={column.label}>{row.may[column.who]}</Table.Td>)}</Table.Tr>)}
        </Table.Tbody>
      </Table>
      <Text size="sm" c="dimmed" mt="sm">A lead is a member to whom a team was given; one is a lead of that team only. A service account has no role here: its keys have scopes.</Text>
    </>
  );
}
