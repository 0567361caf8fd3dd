// A new password, by the link that an admin handed over.
import { Button, PasswordInput, Stack } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { ask } from "../api/client";
import { Outside } from "../parts/outside";
import { ProblemNote } from "../parts/problem";

export function ResetPage() {
  const [token] = useState(() => new URLSearchParams(location.hash.slice(1)).get("token") ?? "");
  const [password, setPassword] = useState("");
  const reset = useMutation({ mutationFn: () => ask("password_resets_use", { body: { token, password } }), onSuccess: () => location.assign("/") });
  return (
    <Outside title="Choose a new password">
      <form onSubmit={event => { event.preventDefault(); reset.mutate(); }}>
        <Stack gap="sm">
          <PasswordInput label="New password" required autoComplete="new-password" description="At least 12 characters. All other sessions end." value={password} onChange={event => setPassword(event.currentTarget.value)} />
          <ProblemNote error={reset.error} />
          <Button type="submit" loading={reset.isPending}>Set it and sign in</Button>
        </Stack>
      </form>
    </Outside>
  );
}
