// Keys that work everywhere: `g` and a letter goes to a page, `/` searches. Off while somebody types, and for those who turned them off.
import { useEffect } from "react";
import { places } from "./menu";

const OFF = "auxot-single-keys-off";
const PATIENCE_MS = 1500;

export const areKeysOn = () => localStorage.getItem(OFF) === null;
export const turnKeys = (on: boolean) => (on ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, "1"));

const isTyping = (target: EventTarget | null) =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

export function useGoKeys(go: (to: string) => void, search: () => void) {
  useEffect(() => {
    let since = 0;
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || !areKeysOn()) return;
      if (event.key === "g") {
        since = Date.now();
        return;
      }
      if (event.key === "/") {
        event.preventDefault();
        search();
        return;
      }
      const place = Date.now() - since < PATIENCE_MS && places.flatMap(part => part.items).find(each => each.key === event.key);
      since = 0;
      if (place) {
        event.preventDefault();
        go(place.to);
      }
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [go, search]);
}
