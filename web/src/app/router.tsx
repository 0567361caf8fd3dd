// Every page by its address. Pages come when they are first wanted; what a page filters by is in its address.
import { createRootRoute, createRoute, createRouter, lazyRouteComponent, Navigate, Outlet } from "@tanstack/react-router";
import { Shell } from "./shell";

type Search = Record<string, string | undefined>;
/** Text only, and no empty ones: an address is what somebody else may have written. */
export const texts = (given: Record<string, unknown>): Search =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== "" && value != null).map(([name, value]) => [name, String(value)]));

const root = createRootRoute({ component: Outlet });
const shell = createRoute({ getParentRoute: () => root, id: "shell", component: Shell });

const outside = (path: string, load: () => Promise<Record<string, unknown>>, name: string) =>
  createRoute({ getParentRoute: () => root, path, validateSearch: texts, component: lazyRouteComponent(load as never, name as never) });
const inside = (path: string, load: () => Promise<Record<string, unknown>>, name: string) =>
  createRoute({ getParentRoute: () => shell, path, validateSearch: texts, component: lazyRouteComponent(load as never, name as never) });

const pages = [
  inside("/settings/providers", () => import("../pages/providers"), "ProvidersPage"),
  inside("/settings/providers/$id", () => import("../pages/provider"), "ProviderPage"),
  inside("/settings/keys", () => import("../pages/keys"), "KeysPage"),
  inside("/settings/models", () => import("../pages/models"), "ModelsPage"),
  inside("/settings/teams", () => import("../pages/teams"), "TeamsPage"),
  inside("/settings/teams/$id", () => import("../pages/team"), "TeamPage"),
  inside("/settings/members", () => import("../pages/members"), "MembersPage"),
  inside("/health", () => import("../pages/health"), "HealthPage"),
  inside("/routing", () => import("../pages/routing"), "RoutingPage"),
  inside("/playground", () => import("../pages/playground"), "PlaygroundPage"),
  inside("/audit/jobs", () => import("../pages/jobs"), "JobsPage"),
  inside("/audit/jobs/$id", () => import("../pages/job"), "JobPage"),
  inside("/audit/events", () => import("../pages/events"), "EventsPage"),
  inside("/usage", () => import("../pages/usage"), "UsagePage"),
  inside("/settings/profile", () => import("../pages/profile"), "ProfilePage"),
  createRoute({ getParentRoute: () => shell, path: "/", component: () => <Navigate to={"/health" as never} replace /> }),
];

export const router = createRouter({
  routeTree: root.addChildren([
    outside("/setup", () => import("../pages/setup"), "SetupPage"),
    outside("/sign-in", () => import("../pages/sign_in"), "SignInPage"),
    outside("/reset", () => import("../pages/reset"), "ResetPage"),
    outside("/invite", () => import("../pages/invite"), "InvitePage"),
    shell.addChildren(pages),
  ]),
  parseSearch: text => Object.fromEntries(new URLSearchParams(text)), /* the router's own would put quotes round numbers */
  stringifySearch: search => { const pairs = Object.entries(texts(search)) as [string, string][]; return pairs.length ? `?${new URLSearchParams(pairs)}` : ""; },
  defaultPreload: "intent",
  scrollRestoration: true,
  defaultNotFoundComponent: lazyRouteComponent(() => import("../pages/not_found"), "NotFoundPage"),
});

/** Addresses are text here: the pages' own tables build them. */
export type Address = string;
