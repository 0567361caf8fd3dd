// The frame of pages for those who are not signed in.
import { Alert, Center, Group, Paper, Text, Title } from "@mantine/core";
import { useDocumentTitle } from "@mantine/hooks";
import type { ReactNode } from "react";

const isPlain = () => location.protocol === "http:" && !/^(localhost|127\.|\[::1\])/.test(location.host);

export function Outside({ title, children, wide }: { title: string; children: ReactNode; wide?: boolean }) {
  useDocumentTitle(`${title} · Auxot`);
  return (
    <Center component="main" mih="100vh" p="md">
      <Paper withBorder p="lg" w="100%" maw={wide ? 720 : 440}>
        <Group gap="sm" mb="md"><img src="/icon.svg" alt="" width={28} height={28} /><Text fw={700}>Auxot</Text></Group>
        <Title order={1} size="h3" mb="md">{title}</Title>
        {isPlain() && (
          <Alert color="orange" variant="light" mb="md">
            This connection is not encrypted: what is typed here can be read on the way. Give auxot a certificate (<code>AUXOT_TLS_CERT</code>), or put a proxy with one before it.
          </Alert>
        )}
        {children}
      </Paper>
    </Center>
  );
}
