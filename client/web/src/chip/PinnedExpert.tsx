import { Pin, Unplug, X } from "lucide-react";
import type { Conversation } from "../../../sdk/index.ts";
import { useKnownExperts, usePatchbay } from "../connection/patchbay-context.ts";
import { expertStyle } from "./expert-style.ts";
import { usePin } from "./use-pin.ts";
import "./chip.css";

/**
 * Says in the header that the router is off for this conversation, and turns it on again. While the expert is unplugged
 * the router chooses, until it is back.
 */
export function PinnedExpert({ conversation, pinned }: { conversation: Conversation; pinned: string }) {
  const expert = useKnownExperts().find(pinned);
  const unplugged = usePatchbay().experts?.has(pinned) === false;
  const pin = usePin(conversation.id);
  return (
    <button
      type="button"
      className="pinned expert"
      style={expertStyle(expert)}
      onClick={() => pin("auto")}
      title="Back to automatic"
      aria-label={
        unplugged
          ? `${expert.title} is unplugged, so the router chooses. Back to automatic for good`
          : `Always ${expert.title}. Back to automatic`
      }
      data-testid="pinned"
    >
      {unplugged ? <Unplug size={14} aria-hidden /> : <Pin size={14} aria-hidden />}
      <span>
        {!unplugged && <span className="pinned-always">Always </span>}
        {expert.title}
        {unplugged && <span className="pinned-always"> is unplugged</span>}
      </span>
      <X size={14} aria-hidden />
    </button>
  );
}
