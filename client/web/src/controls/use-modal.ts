import { type RefObject, useEffect, useRef } from "react";

/** Shows a <dialog> as a modal for as long as it is rendered, and gives the focus back afterwards. */
export function useModal(): RefObject<HTMLDialogElement | null> {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    if (!dialog.current?.open) dialog.current?.showModal();
    // A dialog that is taken off the page, rather than closed, leaves the focus nowhere.
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return dialog;
}
