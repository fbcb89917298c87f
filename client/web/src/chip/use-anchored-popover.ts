import { type RefObject, type ToggleEvent, useEffect, useRef, useState } from "react";

const MARGIN = 12;

interface AnchoredPopover {
  anchor: RefObject<HTMLButtonElement | null>;
  panel: RefObject<HTMLDivElement | null>;
  open: boolean;
  close(): void;
  onBeforeToggle(event: ToggleEvent<HTMLDivElement>): void;
}

/**
 * A native popover (top layer, Escape, click beside it, focus given back) kept beside its button. CSS anchor
 * positioning would do the placing, but is not in every browser of the last two years.
 */
export function useAnchoredPopover(): AnchoredPopover {
  const anchor = useRef<HTMLButtonElement>(null);
  const panel = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState(false);

  useEffect(() => {
    const box = panel.current;
    if (!open || !box) return;
    const fit = () => anchor.current && place(box, anchor.current.getBoundingClientRect());
    // Runs before the first paint of the panel, and again when its content grows.
    const observer = new ResizeObserver(fit);
    observer.observe(box);
    window.addEventListener("scroll", fit, { capture: true, passive: true });
    window.addEventListener("resize", fit);
    return () => {
      observer.disconnect();
      window.removeEventListener("scroll", fit, { capture: true });
      window.removeEventListener("resize", fit);
    };
  }, [open]);

  return {
    anchor,
    panel,
    open,
    close: () => panel.current?.hidePopover(),
    onBeforeToggle: (event) => setOpen(event.newState === "open"),
  };
}

/** Below the button if it fits there, else above it, else as far down as the window goes. */
function place(box: HTMLElement, at: DOMRect): void {
  const height = Math.min(box.scrollHeight + 2, innerHeight - 2 * MARGIN);
  const below = at.bottom + MARGIN / 2;
  const above = at.top - MARGIN / 2 - height;
  const lowest = innerHeight - height - MARGIN;
  const top = below <= lowest ? below : above >= MARGIN ? above : lowest;
  const left = Math.max(MARGIN, Math.min(at.left, innerWidth - box.offsetWidth - MARGIN));
  box.style.setProperty("--top", `${top}px`);
  box.style.setProperty("--left", `${left}px`);
}
