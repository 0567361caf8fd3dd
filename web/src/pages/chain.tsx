// Who was asked, in order: "GPU 1 ✕ heartbeat lost › Anthropic ✓". In every row, because the last name alone misleads.
import { Text } from "@mantine/core";
import { Fragment } from "react";
import type { Attempt } from "../api/contract";
import { reasonText } from "./job_words";

const marks: Record<string, { mark: string; word: string }> = {
  ok: { mark: "✓", word: "answered" }, failed: { mark: "✕", word: "failed" }, cancelled: { mark: "–", word: "cancelled" }, interrupted: { mark: "✕", word: "interrupted" },
};

export function Chain({ attempts }: { attempts: Attempt[] }) {
  if (attempts.length === 0) return <Text component="span" size="sm" c="dimmed">nobody was asked</Text>;
  return (
    <Text component="span" size="sm">
      {attempts.map((attempt, at) => {
        const look = marks[attempt.outcome ?? ""] ?? { mark: "…", word: "running" };
        return (
          <Fragment key={attempt.seq}>
            {at > 0 && " › "}
            {attempt.provider?.name ?? "deleted provider"} <span role="img" aria-label={look.word}>{look.mark}</span>
            {attempt.reason && ` ${reasonText(attempt.reason)}`}
          </Fragment>
        );
      })}
    </Text>
  );
}
