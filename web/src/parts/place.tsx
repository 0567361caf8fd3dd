// A link that the server gave: an address of this UI, which may have a query.
import { Anchor } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

export function Place({ link, children }: { link: string | null; children: ReactNode }) {
  if (link === null) return <>{children}</>;
  const [to, query] = link.split("?", 2);
  return <Anchor component={Link} inherit to={to as never} search={Object.fromEntries(new URLSearchParams(query)) as never}>{children}</Anchor>;
}
