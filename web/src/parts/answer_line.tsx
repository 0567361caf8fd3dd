// What became of a job, in the server's own words, with its nouns as links: a provider, a model, the job; and each reason
// opens what its code says and what to do about it. The words are the server's alone: here nothing is said, only linked.
import { Anchor, Popover, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { AnswerPart } from "../api/contract";

const classes: Partial<Record<AnswerPart["kind"], string>> = {
  chosen_because: "Why it was chosen", passed_over_because: "Why it was passed over", moved_on_because: "Why the request moved on", ended_because: "How it ended",
};

/** Where a noun leads; null: it has no page. */
function placeOf({ kind, id }: AnswerPart): { to: string; search?: Record<string, string> } | null {
  if (id === null || kind === "text") return null;
  if (kind === "model") return { to: "/settings/models", search: { find: id } };
  return { to: kind === "provider" ? `/settings/providers/${id}` : `/audit/jobs/${id}` };
}

function Reason({ part }: { part: AnswerPart }) {
  return (
    <Popover width={280} withArrow shadow="md" trapFocus>
      <Popover.Target><Anchor component="button" type="button" inherit ta="left" display="inline">{part.text}</Anchor></Popover.Target>
      <Popover.Dropdown>
        <Text size="sm" fw={600}>{classes[part.kind]}</Text>
        <Text size="sm">{part.text}: <span className="mono">{part.id}</span></Text>
        {part.fix && <Text size="sm" mt={4}>{part.fix}</Text>}
        {part.kind === "ended_because" && <Anchor component={Link} size="sm" to={"/audit/jobs" as never} search={{ reason: part.id } as never}>Jobs that ended so</Anchor>}
      </Popover.Dropdown>
    </Popover>
  );
}

export function AnswerLine({ parts }: { parts: AnswerPart[] }) {
  return (
    <>
      {parts.map((part, at) => {
        const place = placeOf(part);
        if (classes[part.kind]) return <Reason key={at} part={part} />;
        return place ? <Anchor key={at} component={Link} inherit to={place.to as never} search={place.search as never}>{part.text}</Anchor> : <span key={at}>{part.text}</span>;
      })}
    </>
  );
}
