// Sign-in, and back to the page that was wanted.
import { Button, PasswordInput, Stack, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { ask } from "../api/client";
import { Outside } from "../parts/outside";
import { ProblemNote } from "../parts/problem";

/** Only a page of this server, as the browser itself reads the address: "//elsewhere" would be another one, with a tab inside, too. */
function safe(back = "/") {
  if (!URL.canParse(back, location.origin)) return "/";
  const to = new URL(back, location.origin);
  return to.origin === location.origin ? to.href : "/"; /* whole: the path alone may begin with "//" */
}

export function SignInPage() {
  const { back } = useSearch({ strict: false }) as { back?: string };
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [isCaps, setCaps] = useState(false);
  const signIn = useMutation({
    mutationFn: () => ask("session_create", { body: { email, password } }),
    onSuccess: () => location.assign(safe(back)),
  });
  return (
    <Outside title="Sign in">
      <form onSubmit={event => { event.preventDefault(); signIn.mutate(); }}>
        <Stack gap="sm">
          <TextInput label="E-mail" type="email" autoComplete="username" required autoFocus value={email} onChange={event => setEmail(event.currentTarget.value)} />
          <PasswordInput label="Password" autoComplete="current-password" required value={password} onChange={event => setPassword(event.currentTarget.value)}
            onKeyUp={event => setCaps(event.getModifierState("CapsLock"))} description={isCaps ? "Caps Lock is on." : undefined} />
          <ProblemNote error={signIn.error} />
          <Button type="submit" loading={signIn.isPending}>Sign in</Button>
        </Stack>
      </form>
    </Outside>
  );
}
