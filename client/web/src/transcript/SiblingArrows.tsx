import { ChevronLeft, ChevronRight } from "lucide-react";
import { IconButton } from "../controls/IconButton.tsx";
import { useAct } from "../controls/report.tsx";
import { useOpen } from "./open-context.ts";

/** Where a message stands among those written beside it. */
export interface Place {
  /** From 0. */
  index: number;
  of: number;
  previousId: string | null;
  nextId: string | null;
}

export function SiblingArrows({
  index,
  of,
  previousId,
  nextId,
  what,
}: Place & { what: "answer" | "question" }) {
  const open = useOpen();
  const act = useAct();
  if (of < 2) return null;
  // aria-disabled rather than disabled: a button that is switched off in one's hand loses the focus.
  const show = (id: string | null) => () => id && act(() => open.showBranch(id));
  return (
    <span className="siblings" data-testid="siblings">
      <IconButton
        icon={ChevronLeft}
        label={`Previous ${what}`}
        aria-disabled={!previousId}
        onClick={show(previousId)}
      />
      <span className="tabular">
        {index + 1} / {of}
      </span>
      <IconButton icon={ChevronRight} label={`Next ${what}`} aria-disabled={!nextId} onClick={show(nextId)} />
    </span>
  );
}
