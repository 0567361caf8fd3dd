// Colours and names that axe finds nothing wrong with, in both themes (UI.md section 3).
import { Anchor, CloseButton, createTheme, Modal, type CSSVariablesResolver } from "@mantine/core";

export const theme = createTheme({
  primaryColor: "indigo",
  primaryShade: { light: 8, dark: 6 },
  defaultRadius: "md",
  fontFamily: "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif",
  fontFamilyMonospace: "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace",
  respectReducedMotion: true,
  components: {
    Anchor: Anchor.extend({ defaultProps: { underline: "always" } }),
    CloseButton: CloseButton.extend({ defaultProps: { ...({ "aria-label": "Close" } as Record<never, never>) } }),
    Modal: Modal.extend({
      defaultProps: { closeButtonProps: { "aria-label": "Close" }, attributes: { header: { role: "presentation" } } },
    }),
  },
});

export const colours: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-dimmed": "#5c636b",
    "--mantine-color-orange-light-color": "#8a3b00",
    "--mantine-color-yellow-light-color": "#6b4e00",
    "--mantine-color-green-light-color": "#1b6b2f",
    "--mantine-color-red-light-color": "#a51111",
    "--mantine-color-gray-light-color": "#495057",
  },
  dark: {
    "--mantine-color-dimmed": "#a6adb5",
    "--mantine-color-primary-filled": "#3b5bdb",
    "--mantine-color-indigo-filled": "#3b5bdb",
  },
});
