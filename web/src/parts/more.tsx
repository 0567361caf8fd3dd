// Below a list: the next page, where there is one.
import { Button, Group } from "@mantine/core";

export function More({ list }: { list: { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => unknown } }) {
  if (!list.hasNextPage) return null;
  return <Group justify="center" mt="sm"><Button variant="default" loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>More</Button></Group>;
}
