// The frame of every page: its title, what can be done, and the three ways in which there may be nothing to show.
import { Box, Group, Skeleton, Stack, Text, Title } from "@mantine/core";
import { useDocumentTitle } from "@mantine/hooks";
import type { ReactNode } from "react";

export function Page({ title, actions, children, wide }: { title: string; actions?: ReactNode; children: ReactNode; wide?: boolean }) {
  useDocumentTitle(`${title} · Auxot`);
  return (
    <Box maw={wide ? undefined : 1100} mx="auto">
      <Group justify="space-between" mb="md" gap="sm">
        <Title order={1} size="h2">{title}</Title>
        {actions && <Group gap="xs">{actions}</Group>}
      </Group>
      {children}
    </Box>
  );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <Stack align="flex-start" gap="xs" py="xl">
      <Text fw={600}>{title}</Text>
      {children}
    </Stack>
  );
}

/** Rows of the final height; nothing at all for the first moment. */
export function Loading({ rows = 4 }: { rows?: number }) {
  return (
    <Stack gap="xs" role="group" aria-busy="true" aria-label="Loading">
      {Array.from({ length: rows }, (_, at) => <Skeleton key={at} height={44} />)}
    </Stack>
  );
}
