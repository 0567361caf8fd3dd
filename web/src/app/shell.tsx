// What every page stands in: the rail, the top bar, the palette; and a line when the server does not answer.
import { ActionIcon, Alert, AppShell, Badge, Burger, Button, Group, Kbd, Menu, NavLink, ScrollArea, Text, useMantineColorScheme } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import { Spotlight, spotlight } from "@mantine/spotlight";
import { IconDeviceDesktop, IconLogout, IconMoon, IconSearch, IconSun, IconUser } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useLocation, useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useEffect, useState, type ReactNode } from "react";
import { ApiProblem, ask } from "../api/client";
import { Moment, useNow } from "../parts/since";
import { Glance } from "./glance";
import { useGoKeys } from "./keys";
import { beginLive, useLine } from "./live";
import { places } from "./menu";
import { jobIn, providerActions } from "./palette_actions";
import { said } from "./queries";
import { isAdmin, SignedIn, useCaller } from "./session";

const themes = [
  { value: "light", label: "Light", icon: IconSun },
  { value: "dark", label: "Dark", icon: IconMoon },
  { value: "auto", label: "As the system", icon: IconDeviceDesktop },
] as const;

const usePlaces = () => {
  const caller = useCaller();
  return places
    .map(part => ({ ...part, items: part.items.filter(place => !place.admin || isAdmin(caller)) }))
    .filter(part => part.items.length > 0);
};

async function signOut() {
  try {
    await ask("session_delete");
  } catch (error) {
    const isOver = error instanceof ApiProblem && error.status === 401; /* as good */
    if (!isOver) { notifications.show({ color: "red", title: "Not signed out", message: (error as Error).message }); return; }
  }
  location.assign("/sign-in");
}

function UserMenu() {
  const caller = useCaller();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const name = caller.user?.name ?? "API key";
  return (
    <Menu position="bottom-end" width={220} withinPortal={false} withInitialFocusPlaceholder={false}>
      <Menu.Target>
        <Button variant="subtle" color="gray" leftSection={<IconUser size={16} />} c="var(--mantine-color-text)" aria-label={name}><span className="user-name">{name}</span></Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{caller.organization} · {caller.role}</Menu.Label>
        <Menu.Item component={Link} to={"/settings/profile" as never} leftSection={<IconUser size={16} />}>Profile and sessions</Menu.Item>
        <Menu.Divider />
        <Menu.Label>Colours</Menu.Label>
        {themes.map(each => (
          <Menu.Item key={each.value} leftSection={<each.icon size={16} />} onClick={() => setColorScheme(each.value)}
            rightSection={colorScheme === each.value ? <span aria-label="chosen">✓</span> : null}>{each.label}</Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item leftSection={<IconLogout size={16} />} onClick={() => void signOut()}>Sign out</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function Rail({ close }: { close: () => void }) {
  const { pathname } = useLocation();
  return (
    <ScrollArea type="auto">
      {usePlaces().map(part => (
        <nav key={part.section} aria-label={part.section}>
          <Text size="xs" fw={600} c="dimmed" tt="uppercase" px="sm" pt="md" pb={4}>{part.section}</Text>
          {part.items.map(place => (
            <NavLink key={place.to} component={Link} to={place.to as never} label={place.label} onClick={close} leftSection={<place.icon size={18} />}
              active={pathname === place.to || pathname.startsWith(`${place.to}/`)} aria-current={pathname === place.to ? "page" : undefined} />
          ))}
        </nav>
      ))}
    </ScrollArea>
  );
}

function Palette({ go }: { go: (to: string) => void }) {
  const caller = useCaller();
  const [text, setText] = useState(""), [isOpen, setOpen] = useState(false);
  const providers = useQuery({ ...said("providers_list"), enabled: isOpen });
  const job = jobIn(text);
  const groups = usePlaces().map(part => ({
    group: part.section,
    actions: part.items.map(place => ({
      id: place.to, label: place.label, description: place.to, onClick: () => go(place.to), leftSection: <place.icon size={18} />,
    })),
  }));
  const more = job ? [{ group: "Jobs", actions: [{ id: job, label: job, description: "Open this job", onClick: () => go(`/audit/jobs/${job}`) }] }] : providerActions(providers.data?.items ?? [], isAdmin(caller), go);
  return (
    <Spotlight actions={[...groups, ...more]} shortcut="mod + K" tagsToIgnore={[]} nothingFound="Nothing by that name." highlightQuery query={text} onQueryChange={setText}
      onSpotlightOpen={() => setOpen(true)} scrollable maxHeight={420} attributes={{ content: { "aria-label": "Go to a page" } }} styles={{ actionDescription: { opacity: 1 } }}
      searchProps={{ placeholder: "Go to… a page, a provider, a job’s id", "aria-label": "Search", leftSection: <IconSearch size={18} /> }} />
  );
}

const PATIENCE_MS = 5_000;

/** What is on the screen may be old: say so, rather than show stale green as green. */
function LostLine() {
  const line = useLine(), now = useNow();
  if (line.up || now - line.since < PATIENCE_MS) return null;
  return <Alert color="orange" variant="light" mb="md" py="xs" role="status">Live updates are paused since <Moment at={line.since} />; the page asks by itself meanwhile.</Alert>;
}

function Frame({ children }: { children: ReactNode }) {
  const [isOpen, rail] = useDisclosure(false);
  const navigate = useNavigate();
  const isWall = "tv" in useSearch({ strict: false }); /* a screen on the wall has nobody who clicks */
  const go = useCallback((to: string) => void navigate({ to: to as never }), [navigate]);
  useEffect(beginLive, []);
  useGoKeys(go, spotlight.open);
  return (
    <AppShell disabled={isWall} header={{ height: 52 }} navbar={{ width: 220, breakpoint: "sm", collapsed: { mobile: !isOpen } }} padding="md">
      <a className="skip" href="#content">Skip to the page</a>
      <AppShell.Header>
        <Group h="100%" px="md" gap="xs" justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap">
            <Burger opened={isOpen} onClick={rail.toggle} hiddenFrom="sm" size="sm" aria-label={isOpen ? "Close the menu" : "Open the menu"} />
            <img src="/icon.svg" alt="" width={24} height={24} />
            <Text fw={700} visibleFrom="sm">Auxot</Text>
            {location.protocol === "http:" && !/^(localhost|127\.|\[::1\])/.test(location.host) && (
              <Badge color="orange" variant="light" visibleFrom="sm">not encrypted</Badge>
            )}
          </Group>
          <Glance />
          <Group gap="xs" wrap="nowrap">
            <Button variant="default" size="xs" onClick={spotlight.open} leftSection={<IconSearch size={14} />} visibleFrom="xs"
              rightSection={<Kbd size="xs">Ctrl K</Kbd>}>Search</Button>
            <ActionIcon variant="default" onClick={spotlight.open} hiddenFrom="xs" aria-label="Search" size="lg"><IconSearch size={16} /></ActionIcon>
            <UserMenu />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar component="div" p="xs"><Rail close={rail.close} /></AppShell.Navbar>
      <AppShell.Main id="content" tabIndex={-1}><LostLine />{children}</AppShell.Main>
      <Palette go={go} />
    </AppShell>
  );
}

export function Shell() {
  return <SignedIn><Frame><Outlet /></Frame></SignedIn>;
}
