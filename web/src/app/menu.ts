// The rail, the palette and the `g` keys: one table. A page that does not work yet is not in it.
import { IconKey, IconPlugConnected, IconUser } from "@tabler/icons-react";

export interface Place {
  label: string;
  to: string;
  icon: typeof IconKey;
  key?: string; /* after `g` */
  admin?: boolean;
}

export const places: { section: string; items: Place[] }[] = [
  {
    section: "Settings",
    items: [
      { label: "Providers", to: "/settings/providers", icon: IconPlugConnected, key: "p" },
      { label: "Profile", to: "/settings/profile", icon: IconUser },
    ],
  },
];
