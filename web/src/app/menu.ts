// The rail, the palette and the `g` keys: one table. A page that does not work yet is not in it.
import {
  IconCpu, IconHeartbeat, IconHistory, IconKey, IconListDetails, IconMessage, IconPlugConnected, IconReportMoney, IconRoute, IconUser, IconUsers, IconUsersGroup,
} from "@tabler/icons-react";

export interface Place {
  label: string;
  to: string;
  icon: typeof IconKey;
  key?: string; /* after `g` */
  admin?: boolean;
}

export const places: { section: string; items: Place[] }[] = [
  {
    section: "Use",
    items: [
      { label: "Health", to: "/health", icon: IconHeartbeat, key: "h" },
      { label: "Playground", to: "/playground", icon: IconMessage, key: "c" },
      { label: "Routing", to: "/routing", icon: IconRoute, key: "r", admin: true },
      { label: "Jobs", to: "/audit/jobs", icon: IconListDetails, key: "j" },
      { label: "Usage", to: "/usage", icon: IconReportMoney, key: "u" },
      { label: "Events", to: "/audit/events", icon: IconHistory, key: "a", admin: true },
    ],
  },
  {
    section: "Settings",
    items: [
      { label: "Providers", to: "/settings/providers", icon: IconPlugConnected, key: "p" },
      { label: "Models", to: "/settings/models", icon: IconCpu, key: "m" },
      { label: "Keys", to: "/settings/keys", icon: IconKey, key: "k" },
      { label: "Teams", to: "/settings/teams", icon: IconUsersGroup, key: "t" },
      { label: "Members", to: "/settings/members", icon: IconUsers, key: "e", admin: true },
      { label: "Profile", to: "/settings/profile", icon: IconUser },
    ],
  },
];
