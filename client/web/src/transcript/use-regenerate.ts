import { focusComposer } from "../composer/focus-composer.ts";
import { useAct } from "../controls/report.tsx";
import { useOpen } from "./open-context.ts";

/** Has another answer written beside this one, by the same or another adapter, and shows it. */
export function useRegenerate(): (answerId: string, adapter?: string) => void {
  const open = useOpen();
  const act = useAct();
  return (answerId, adapter) =>
    act(async () => {
      await open.regenerate(answerId, adapter);
      // The pressed button is gone with the old answer; without this the keyboard would start from the top.
      if (document.activeElement === document.body) focusComposer();
    });
}
