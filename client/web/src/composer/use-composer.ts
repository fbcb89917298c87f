import { useEffect, useState } from "react";
import { limits, type OpenConversation } from "../../../sdk/index.ts";
import { usePatchbay } from "../connection/patchbay-context.ts";
import { count } from "../controls/format.ts";
import { sentenceOf } from "../controls/sentence-of.ts";
import { useDraft } from "./use-draft.ts";
import { useSend } from "./use-send.ts";

export interface ComposerState {
  text: string;
  setText(text: string): void;
  sending: boolean;
  /** Why the last attempt to send failed; the text is still there. */
  problem: string | null;
  /** Sends the draft, or the text given. */
  submit(text?: string): void;
}

export function useComposer(
  conversationId: string | null,
  open: OpenConversation | null,
  onSent: () => void,
): ComposerState {
  const { client, connection } = usePatchbay();
  const [text, setText] = useDraft(conversationId);
  const [sending, setSending] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const send = useSend(conversationId, open);

  // What was wrong there or then is no longer so.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the change itself is the reason.
  useEffect(() => setProblem(null), [conversationId, connection.status]);

  const submit = async (given = text) => {
    const message = given.trim();
    if (!message || sending) return;
    setText(given);
    const obstacle = obstacleTo(message, connection.status === "offline");
    setProblem(obstacle);
    if (obstacle) return;
    setSending(true);
    try {
      // A page that has just opened is about to have a connection.
      await client.ready();
      await send(message);
      setText("");
      onSent();
    } catch (error) {
      setProblem(sentenceOf(error));
    } finally {
      setSending(false);
    }
  };

  return {
    text,
    setText: (next) => {
      setText(next);
      setProblem(null);
    },
    sending,
    problem,
    submit: (given) => void submit(given),
  };
}

function obstacleTo(message: string, offline: boolean): string | null {
  const over = message.length - limits.messageChars;
  if (over > 0) return `This is ${count(over)} characters over the limit of ${count(limits.messageChars)}.`;
  return offline ? "Not sent: there is no connection to the server. Your text is kept here." : null;
}
