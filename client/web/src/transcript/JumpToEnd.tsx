import { ArrowDown } from "lucide-react";

export function JumpToEnd({ onJump }: { onJump(): void }) {
  return (
    <button type="button" className="button jump" onClick={onJump} data-testid="jump">
      <ArrowDown size={15} aria-hidden />
      Jump to newest
    </button>
  );
}
