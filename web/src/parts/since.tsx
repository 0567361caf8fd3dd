// Times that go on counting: one clock for the whole page.
import { useSyncExternalStore } from "react";

const listeners = new Set<() => void>();
let now = Date.now(), timer: number | undefined;

function subscribe(listener: () => void) {
  listeners.add(listener);
  if (timer === undefined) now = Date.now(); /* it stood still while nobody looked */
  timer ??= window.setInterval(() => { now = Date.now(); listeners.forEach(each => each()); }, 1000);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) { window.clearInterval(timer); timer = undefined; }
  };
}

export const useNow = () => useSyncExternalStore(subscribe, () => now);

export function ageText(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h`;
  return `${Math.floor(s / 86_400)} d`;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });

const isToday = (at: number) => new Date(at).toDateString() === new Date().toDateString();
const day = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });

/** "14:02:10", or with the day when it is another one. */
export function Moment({ at }: { at: number | null }) {
  if (at === null) return <>never</>;
  return <time dateTime={new Date(at).toISOString()} title={full.format(at)} className="nowrap">{isToday(at) ? clock.format(at) : day.format(at)}</time>;
}

/** "12 s", counting. */
export function Age({ at }: { at: number | null }) {
  const current = useNow();
  if (at === null) return <>never</>;
  return <time dateTime={new Date(at).toISOString()} title={full.format(at)} className="nowrap">{ageText(current - at)}</time>;
}

/** "14:02:10 (12 s)". */
export function Since({ at }: { at: number }) {
  const current = useNow();
  return <><Moment at={at} /> ({ageText(current - at)})</>;
}
