import { type RefObject, useEffect, useRef } from "react";
import { useReturnFocus } from "./use-return-focus.ts";

/** Shows a <dialog> as a modal for as long as it is rendered. A click beside it closes it, as Escape does. */
export function useModal(): RefObject<HTMLDialogElement | null> {
  const ref = useRef<HTMLDialogElement>(null);
  // Before showModal, which moves the focus.
  useReturnFocus();

  useEffect(() => {
    const dialog = ref.current;
    if (!dialog) return;
    if (!dialog.open) dialog.showModal();
    // The attribute closedby="any" would do, but Safari does not know it yet.
    const onClick = (event: MouseEvent) => {
      if (event.target === dialog && isBeside(event, dialog.getBoundingClientRect())) dialog.close();
    };
    dialog.addEventListener("click", onClick);
    return () => dialog.removeEventListener("click", onClick);
  }, []);

  return ref;
}

const isBeside = ({ clientX: x, clientY: y }: MouseEvent, { left, right, top, bottom }: DOMRect): boolean =>
  x < left || x > right || y < top || y > bottom;
