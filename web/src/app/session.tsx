// Who is signed in. Without anybody every page leads to the sign-in, or to the set-up while there is no first user.
import { useQuery } from "@tanstack/react-query";
import { createContext, useContext, type ReactNode } from "react";
import { ApiProblem, ask } from "../api/client";
import type { Caller } from "../api/contract";
import { ProblemNote } from "../parts/problem";
import { said } from "./queries";

const Who = createContext<Caller | null>(null);

export function useCaller(): Caller {
  const caller = useContext(Who);
  if (!caller) throw new Error("useCaller: only below SignedIn");
  return caller;
}

export const isAdmin = (caller: Caller) => caller.role === "admin" || caller.role === "owner";

async function leave() {
  const { needed } = await ask("setup_read");
  const back = location.pathname + location.search;
  location.replace(needed ? "/setup" : back === "/" ? "/sign-in" : `/sign-in?back=${encodeURIComponent(back)}`);
}

export function SignedIn({ children }: { children: ReactNode }) {
  const caller = useQuery({ ...said("session_read"), staleTime: 60_000 });
  if (caller.error instanceof ApiProblem && caller.error.status === 401) {
    void leave();
    return null;
  }
  if (caller.data) return <Who.Provider value={caller.data}>{children}</Who.Provider>; /* also while the server is away: what is typed stays */
  return caller.error ? <ProblemNote error={caller.error} retry={() => void caller.refetch()} /> : null;
}
