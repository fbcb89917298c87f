import type { ReactNode } from "react";
import { useModal } from "../controls/use-modal.ts";

/** The sidebar on a phone: a modal that slides in; a tap beside it or Escape closes it. */
export function Drawer({ onClose, children }: { onClose(): void; children: ReactNode }) {
  const dialog = useModal();
  return (
    <dialog ref={dialog} className="drawer" aria-label="Conversations" onClose={onClose} data-testid="drawer">
      {children}
    </dialog>
  );
}
