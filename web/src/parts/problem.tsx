// An error where the data would be: what happened, what to do, and the id to look for in the log.
import { Alert, Button, Group, Text } from "@mantine/core";
import { ApiProblem } from "../api/client";

export function ProblemNote({ error, retry }: { error: unknown; retry?: () => void }) {
  if (!error) return null;
  const problem = error instanceof ApiProblem ? error.problem : null;
  const detail = problem ? problem.detail : "This page met something it did not expect.";
  return (
    <Alert color="red" variant="light" title={problem?.title ?? "Something went wrong"} role="alert" my="sm">
      <Text size="sm">{detail}</Text>
      {problem?.fix && <Text size="sm" mt={4}>{problem.fix}</Text>}
      <Group mt="xs" gap="md">
        {retry && <Button size="xs" variant="default" onClick={retry}>Try again</Button>}
        {problem?.request_id && <Text size="xs" className="mono">{problem.request_id}</Text>}
      </Group>
    </Alert>
  );
}
