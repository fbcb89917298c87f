import { type ReactNode, useId } from "react";
import { useModal } from "./use-modal.ts";

interface Props {
  title: string;
  onClose(): void;
  children: ReactNode;
  testId?: string;
}

/** A modal for as long as it is rendered: the browser's own <dialog> traps focus, hides the rest and hears Escape. */
export function Dialog({ title, onClose, children, testId }: Props) {
  const dialog = useModal();
  const id = useId();
  return (
    <dialog ref={dialog} className="dialog" aria-labelledby={id} onClose={onClose} data-testid={testId}>
      <h2 id={id}>{title}</h2>
      {children}
    </dialog>
  );
}
