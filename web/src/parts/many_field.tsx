// Several of a list, saved when the list is closed; one that is taken away with it closed, at once.
import { MultiSelect, type MultiSelectProps } from "@mantine/core";
import { useRef } from "react";
import type { Saver } from "./saver";

interface Props extends Omit<MultiSelectProps, "value" | "onChange"> {
  saver: Saver<any, string[] | null>; // eslint-disable-line -- of whatever thing
}

export function ManyField({ saver, ...input }: Props) {
  const isOpen = useRef(false);
  return (
    <MultiSelect {...input} value={saver.value ?? []}
      onDropdownOpen={() => { isOpen.current = true; }} onDropdownClose={() => { isOpen.current = false; saver.flush(); }}
      onChange={next => (isOpen.current ? saver.hold(next) : saver.set(next))} onBlur={() => saver.flush()} />
  );
}
