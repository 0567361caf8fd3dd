// The first user, with the token that the server printed; signed in afterwards. What is typed is kept over a reload, but for token and password.
import { Button, Code, PasswordInput, Stack, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { ask, ApiProblem } from "../api/client";
import { ProblemNote } from "../parts/problem";
import { keep, kept } from "./setup_kept";


export function AccountStep({ done }: { done: () => void }) {
  const search = useSearch({ strict: false }) as { token?: string };
  const [given, setGiven] = useState({ token: search.token ?? "", organization: "", name: "", email: "", password: "", ...kept("owner") });
  useEffect(() => keep("owner", { organization: given.organization, name: given.name, email: given.email }), [given]);
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
    onSuccess: () => { keep("owner", {}); done(); },
  });
  return (
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
  );
}
