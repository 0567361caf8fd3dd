// A number that saves itself: a moment after the last key, or when it is left.
import { NumberInput, Stack, type NumberInputProps } from "@mantine/core";
import type { Saver } from "./saver";
import { SaveState } from "./save_state";

interface Props extends Omit<NumberInputProps, "value" | "onChange" | "onBlur"> {
  saver: Saver<any, number | null>; // eslint-disable-line -- of whatever thing
}

/** Empty is `null`; whether that may be saved is the field's to know. */
export function NumberField({ saver, ...input }: Props) {
  return (
    <Stack gap={6}>
      <NumberInput w={200} min={0} allowDecimal={false} {...input} value={saver.value ?? ""}
        onChange={value => { const next = value === "" ? null : Number(value); if (next !== saver.value) saver.type(next); }} onBlur={() => saver.flush()} />
      <SaveState saver={saver} />
    </Stack>
  );
}
