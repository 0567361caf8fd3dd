// A part of a page, with its name.
import { Paper, Title } from "@mantine/core";
import { useId, type ReactNode } from "react";

export function Section({ title, children }: { title: string; children: ReactNode }) {
  const id = useId();
  return <Paper withBorder p="md" component="section" aria-labelledby={id}><Title order={2} size="h4" mb="sm" id={id}>{title}</Title>{children}</Paper>;
}
