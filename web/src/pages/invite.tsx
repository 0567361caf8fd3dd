// Whoever has an invitation's link becomes a user.
import { Button, PasswordInput, Stack, Text, TextInput } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ask } from "../api/client";
import { Outside } from "../parts/outside";
import { ProblemNote } from "../parts/problem";

export function InvitePage() {
  // Behind the #, which stays in the browser: no log on the way has it.
  const [token] = useState(() => new URLSearchParams(location.hash.slice(1)).get("token") ?? "");
  const look = useQuery({ queryKey: ["invitations_look", token], queryFn: () => ask("invitations_look", { body: { token } }), retry: false });
  const [given, setGiven] = useState({ name: "", email: "", password: "" });
  const field = (name: keyof typeof given) => ({
    value: given[name],
    onChange: (event: React.ChangeEvent<HTMLInputElement>) => { const { value } = event.currentTarget; setGiven(now => ({ ...now, [name]: value })); },
  });
  const accept = useMutation({
    mutationFn: () => ask("invitations_accept", {
      body: { token, password: given.password, ...(given.name ? { name: given.name } : {}), ...(look.data?.email ? {} : { email: given.email }) },
    }),
    onSuccess: () => location.assign("/"),
  });
  if (look.error) return <Outside title="This link does not work"><ProblemNote error={look.error} /></Outside>;
  if (!look.data) return null;
  return (
    <Outside title="Join">
      <form onSubmit={event => { event.preventDefault(); accept.mutate(); }}>
        <Stack gap="sm">
          <Text>You are invited as {look.data.role}{look.data.team ? `, into a team` : ""}.</Text>
          {look.data.email
            ? <TextInput label="E-mail" value={look.data.email} readOnly autoComplete="username" />
            : <TextInput label="E-mail" type="email" required autoComplete="username" {...field("email")} />}
          <TextInput label="Your name" autoComplete="name" {...field("name")} />
          <PasswordInput label="Password" required autoComplete="new-password" description="At least 12 characters." {...field("password")} />
          <ProblemNote error={accept.error} />
          <Button type="submit" loading={accept.isPending}>Join</Button>
        </Stack>
      </form>
    </Outside>
  );
}
