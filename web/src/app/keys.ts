// Keys that work everywhere: `g` and a letter goes to a page, `/` searches; and those of the page that is open. Off while somebody
// types, and for those who turned them off.
import { useEffect } from "react";
import { places } from "./menu";

const OFF = "auxot-single-keys-off";
const PATIENCE_MS = 1500;

export const areKeysOn = () => localStorage.getItem(OFF) === null;
export const turnKeys = (on: boolean) => (on ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, "1"));

const isTyping = (target: EventTarget | null) =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
/** What has the focus answers Enter itself; and a dialog or a menu that is open has its own keys. */
const isAnswered = (event: KeyboardEvent) =>
  event.target instanceof Element && event.target.closest(event.key === "Enter" ? "a, button, [role]:not(main, row, table)" : "[role=dialog], [role=menu]") !== null;

type Keys = Record<string, () => void>;
let ofPage: Keys = {};
/** Keys of a page, while it is there; the letter after `g` goes before them. */
export function usePageKeys(keys: Keys) {
  useEffect(() => {
    ofPage = keys;
    return () => { ofPage = {}; };
  });
}

export function useGoKeys(go: (to: string) => void, search: () => void) {
  useEffect(() => {
    let since = 0;
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || !areKeysOn()) return;
      if (event.key === "g") {
        since = Date.now();
        return;
      }
      const place = Date.now() - since < PATIENCE_MS && places.flatMap(part => part.items).find(each => each.key === event.key);
      since = 0;
      const ours = isAnswered(event) ? undefined : ofPage[event.key];
      const act = place ? () => go(place.to) : ours ?? (event.key === "/" ? search : undefined);
      if (act) {
        event.preventDefault();
        act();
      }
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [go, search]);
}
