// Copying that works on plain HTTP, too, where browsers have no clipboard: then the text is selected, ready for Ctrl-C.
import { Button, Group, TextInput } from "@mantine/core";
import { useRef, useState } from "react";

export function CopyField({ label, value }: { label: string; value: string }) {
  const field = useRef<HTMLInputElement>(null);
  const [word, setWord] = useState("Copy");
  const copy = async () => {
    field.current?.select();
    try {
      await navigator.clipboard.writeText(value);
      setWord("Copied");
    } catch {
      setWord(document.execCommand("copy") ? "Copied" : "Press Ctrl-C");
    }
  };
  return (
    <Group align="flex-end" gap="xs" wrap="nowrap">
      <TextInput ref={field} label={label} value={value} readOnly flex={1} classNames={{ input: "mono" }} />
      <Button variant="default" onClick={copy} aria-live="polite">{word}</Button>
    </Group>
  );
}
