// Who answers, while it does; then the server's own line of the job.
import { Anchor, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { said } from "../app/queries";
import { AnswerLine } from "../parts/answer_line";
import type { Answered } from "./playground_stream";

export function AnswerFooter({ who, isOver }: { who: Answered | null; isOver: boolean }) {
  const id = who?.job ?? "";
  const job = useQuery({
    ...said("jobs_read", { at: { id } }), enabled: id !== "" && isOver, retry: 10, retryDelay: 200,
    refetchInterval: query => (query.state.data?.status === "open" ? 200 : false),
  });
  if (!who) return null;
  const line = job.data && job.data.status !== "open" ? <AnswerLine parts={job.data.answer_parts} /> : `${who.provider} · ${who.model}`;
  return <Text size="sm" c="dimmed" mt="xs" role="status">{line} {job.data && <Anchor component={Link} to={`/audit/jobs/${id}` as never} size="sm">the job</Anchor>}</Text>;
}
