// The first user, with the token that the server printed. Signed in afterwards, and on to the first provider.
import { Anchor, Button, Code, PasswordInput, Stack, Text, TextInput } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { ask, ApiProblem } from "../api/client";
import { said } from "../app/queries";
import { Outside } from "../parts/outside";
import { ProblemNote } from "../parts/problem";

export function SetupPage() {
  const search = useSearch({ strict: false }) as { token?: string };
  const state = useQuery(said("setup_read"));
  const [given, setGiven] = useState({ token: search.token ?? "", organization: "", name: "", email: "", password: "" });
  const field = (name: keyof typeof given) => ({
    value: given[name],
    onChange: (event: React.ChangeEvent<HTMLInputElement>) => { const { value } = event.currentTarget; setGiven(now => ({ ...now, [name]: value })); },
    error: setUp.error instanceof ApiProblem && setUp.error.problem.field === name ? setUp.error.problem.detail : undefined,
  });
  const setUp = useMutation({
    mutationFn: () => ask("setup_do", {
      body: {
        token: given.token.trim(), email: given.email, password: given.password,
        ...(given.name ? { name: given.name } : {}), ...(given.organization ? { organization: given.organization } : {}),
      },
    }),
    onSuccess: () => location.assign("/settings/providers"),
  });
  if (state.data && !state.data.needed)
    return <Outside title="Set up already"><Text>There is an owner. <Anchor href="/sign-in">Sign in</Anchor></Text></Outside>;
  return (
    <Outside title="Set up this installation">
      <form onSubmit={event => { event.preventDefault(); setUp.mutate(); }}>
        <Stack gap="sm">
          <TextInput label="Set-up token" required description={<>Printed when the server started, and by <Code>auxot setup-token</Code>.</>} {...field("token")} classNames={{ input: "mono" }} />
          <TextInput label="Organization" placeholder="Example Ltd" {...field("organization")} />
          <TextInput label="Your name" autoComplete="name" {...field("name")} />
          <TextInput label="E-mail" type="email" autoComplete="username" required {...field("email")} />
          <PasswordInput label="Password" autoComplete="new-password" required description="At least 12 characters." {...field("password")} />
          <ProblemNote error={setUp.error} />
          <Button type="submit" loading={setUp.isPending}>Create the owner</Button>
        </Stack>
      </form>
    </Outside>
  );
}
