import { Pin, X } from "lucide-react";
import type { Conversation } from "../../../sdk/index.ts";
import { useKnownExperts } from "../connection/patchbay-context.ts";
import { expertStyle } from "./expert-style.ts";
import { usePin } from "./use-pin.ts";
import "./chip.css";

/** Says in the header that the router is off for this conversation, and turns it on again. */
export function PinnedExpert({ conversation, pinned }: { conversation: Conversation; pinned: string }) {
  const expert = useKnownExperts().find(pinned);
  const pin = usePin(conversation.id);
  return (
    <button
      type="button"
      className="pinned expert"
      style={expertStyle(expert)}
      onClick={() => pin("auto")}
      title="Back to automatic"
      aria-label={`Always ${expert.title}. Back to automatic`}
      data-testid="pinned"
    >
      <Pin size={14} aria-hidden />
      <span>
        <span className="pinned-always">Always </span>
        {expert.title}
      </span>
      <X size={14} aria-hidden />
    </button>
  );
}
